"""What is amiss in a terms catalogue although it loads: dates that run backwards, texts that overlap or contradict themselves, words nobody reads, overrides that loosen.

It does not check whether an entry says what its text says: that takes somebody who reads the text.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from provenance.documents import nearest
from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_entries import WrittenEntry, overridden, read_entries, where
from provenance.licensing.catalog_files import catalog_paths
from provenance.licensing.catalog_places import telling_places
from provenance.licensing.terms import DECIDING, MAX_QUOTE_WORDS, TermsVersion, load_terms
from provenance.licensing.terms_chains import overlap, share_chain
from provenance.licensing.terms_loosening import loosening
from provenance.licensing.terms_words import KNOWN_CHANNELS, is_region, known_values

_BARS = frozenset({"prohibited", "prohibited-without-approval", "prohibited-if-competing", "prohibited-if-competing-without-approval"})
_FOR_PEOPLE = frozenset(f"clauses.{name}.value" for name in ("naming_attribution", "downstream", "output_ownership", "reverse_engineering"))
"""Fields that are shown and decide nothing: a word of one's own in them is remarked, and no fault."""


class ProblemKind(StrEnum):
    """What is amiss."""

    UNREADABLE = "unreadable"
    """The loader refuses the document."""
    REVERSED = "reversed-dates"
    OVERLAP = "overlap"
    """Two versions of one chain hold at once, and no note says why."""
    GAP = "gap"
    """Days between two versions of a chain that no text covers: told, and no fault, since texts may be lost."""
    CONTRADICTION = "contradiction"
    QUOTE = "long-quote"
    UNKNOWN_WORD = "unknown-word"
    """A value, channel or region that nothing reads: it decides nothing, or nobody knows what."""
    NO_SOURCE = "no-source"
    LOOSENS = "loosens"
    """An entry that takes the place of another one forbids less, or reaches less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is amiss."""

    kind: ProblemKind
    entry: str
    """Id, empty where a whole file is meant."""
    place: str
    """``file:line:column``."""
    message: str
    hint: str = ""
    is_shipped: bool = False
    """Of an entry that ships."""
    is_fault: bool = True
    """Whether it has to be mended: a gap in what is known has not, nor what only the shipped entries are concerned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check looked at and found."""

    entries: int
    files: int
    overrides: tuple[tuple[str, str], ...]
    """(id, place) of the entries that take the place of others."""
    problems: tuple[Problem, ...]

    @property
    def faults(self) -> int:
        """Return how many problems have to be mended."""
        return sum(p.is_fault for p in self.problems)


def check_terms(folders: Sequence[Path], *, shipped: Path, accepted: Collection[str] = ()) -> CheckResult:
    """Check the shipped entries together with those of some folders or files.

    Args:
        folders: The user's, in the order they are read after the shipped ones.
        shipped: The folder of the shipped ones.
        accepted: Ids of entries that somebody looked at: that they loosen, or hold beside another one, is not told again.

    Raises:
        TermsDocumentError: If a folder is not there.
    """
    every = (shipped, *folders)
    paths = [path for folder in every for path in catalog_paths(folder)]
    problems = list(_unreadable(every, paths))
    if problems:
        return CheckResult(entries=0, files=len(paths), overrides=(), problems=tuple(problems))
    entries = read_entries(every, shipped=shipped)
    versions = {path: {v.id: v for v in load_terms((path,)).entries} for path in dict.fromkeys(e.file for e in entries)}
    read = [(e, versions[e.file][e.id]) for e in entries]
    holding = list({e.id: (e, v) for e, v in read}.values())
    words = known_values([e for e in entries if e.is_shipped])
    for entry, version in read:
        problems += _check_entry(entry, version, words)
    problems += (p for p in _check_chains(holding) if not (p.kind is ProblemKind.OVERLAP and p.entry in accepted))
    pairs = overridden(entries)
    for old, new in pairs:
        if new.id not in accepted:
            problems += _check_override(new, versions[old.file][old.id], versions[new.file][new.id])
    return CheckResult(entries=len(holding), files=len(paths), overrides=tuple((n.id, where(n)) for _, n in pairs), problems=tuple(problems))


def _unreadable(folders: Sequence[Path], paths: Sequence[Path]) -> Iterator[Problem]:
    """Yield the first fault of each file that does not load, else those of the folders: an id given twice."""
    found = [p for path in paths for p in _refused((path,))]
    yield from found or [p for folder in folders for p in _refused((folder,))]


def _refused(folders: Sequence[Path]) -> Iterator[Problem]:
    try:
        with telling_places(folders):
            load_terms(folders)
    except TermsDocumentError as err:
        place, _, rest = str(err).partition(": ")
        yield Problem(kind=ProblemKind.UNREADABLE, entry="", place=place, message=rest, hint=err.hint or "")


def _check_entry(entry: WrittenEntry, version: TermsVersion, words: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    yield from _check_dates(entry, version)
    yield from _check_words(entry, words)
    yield from _check_globs(entry)
    yield from _check_clauses(entry)
    if entry.get("confidence") != "unverified" and not any(name.endswith(".where") and text for name, text in entry.under("source")):
        hint = "say where the text was read: source: [{where: …, observed: …}]"
        yield _problem(ProblemKind.NO_SOURCE, entry, "source", f"says {entry.get('confidence')}, and not where the text was read", hint)


def _check_dates(entry: WrittenEntry, version: TermsVersion) -> Iterator[Problem]:
    starts, ends = entry.get("version.effective_from") or entry.get("version.observed_from"), entry.get("version.effective_to")
    if starts and ends and version.starts_possibly >= version.ends_possibly:
        message = f"ends on {ends}, not after it begins on {starts}: it was never in force"
        yield _problem(ProblemKind.REVERSED, entry, "version.effective_to", message, "effective_to is the first day on which it no longer holds")
    first, last = entry.get("version.observed_from"), entry.get("version.observed_to")
    if first and last and last < first:
        yield _problem(ProblemKind.REVERSED, entry, "version.observed_to", f"was last seen on {last}, before it was first seen on {first}")


def _check_words(entry: WrittenEntry, words: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    for name in ("kind", "confidence", *(f"clauses.{c}.value" for c in entry.clauses)):
        text, known = entry.get(name), words.get(name, ())
        if text and text not in known:
            message = f"{name} is {text!r}, which nothing reads"
            found = _problem(ProblemKind.UNKNOWN_WORD, entry, name, message, nearest(text, known))
            yield replace(found, is_fault=name not in _FOR_PEOPLE)
    for channel in _listed(entry, "channels"):
        if channel not in KNOWN_CHANNELS:
            yield _problem(ProblemKind.UNKNOWN_WORD, entry, "applies_to.channels", f"no channel {channel!r}", nearest(channel, KNOWN_CHANNELS))
    for region in _listed(entry, "regions"):
        if not is_region(region):
            hint = "global, row, EU, EEA, UK, or the two letters of a country"
            yield _problem(ProblemKind.UNKNOWN_WORD, entry, "applies_to.regions", f"no region {region!r}", hint)


def _check_globs(entry: WrittenEntry) -> Iterator[Problem]:
    """Yield the globs that no model's name can match: names have no organisation, no space, and no bracket."""
    for name, text in entry.values:
        for glob in text.split(", ") if name.rpartition(".")[2] in {"models", "not_models"} else ():
            if re.search(r"[\s/]", glob) or re.search(r"\[(?![^\]]+\])|\[!?\]$", glob):
                hint = "write the name in lower case without organisation or spaces; [ needs its ]"
                yield _problem(ProblemKind.UNKNOWN_WORD, entry, name, f"no model's name can match {glob!r}", hint)


def _listed(entry: WrittenEntry, name: str) -> list[str]:
    return [part for part in entry.get(f"applies_to.{name}").split(", ") if part]


def _check_clauses(entry: WrittenEntry) -> Iterator[Problem]:
    value = {name: entry.get(f"clauses.{name}.value") for name in ("train_any_model", "competing_models", "distillation")}
    training, competing, distilling = value.values()
    if training == "allowed" and competing in _BARS:
        message = f"train_any_model is allowed, and competing_models is {competing}: the program takes the strictest"
        hint = "write prohibited-if-competing, or allowed-with-conditions"
        yield _problem(ProblemKind.CONTRADICTION, entry, "clauses.competing_models", message, hint)
    for name, other in (("competing_models", competing), ("distillation", distilling)):
        if training == "prohibited" and other == "allowed":
            message = f"train_any_model is prohibited, and {name} is allowed: the program takes the strictest"
            yield _problem(ProblemKind.CONTRADICTION, entry, f"clauses.{name}", message)
    for name in entry.clauses:
        words = len(entry.get(f"clauses.{name}.quote").split())
        if words > MAX_QUOTE_WORDS:
            message = f"the quote of {name} has {words} words, at most {MAX_QUOTE_WORDS} are kept"
            yield _problem(ProblemKind.QUOTE, entry, f"clauses.{name}.quote", message, "shorten it with …")


def _check_chains(read: Sequence[tuple[WrittenEntry, TermsVersion]]) -> Iterator[Problem]:
    groups: dict[tuple[str, str, str], list[tuple[WrittenEntry, TermsVersion]]] = {}
    for entry, version in sorted(read, key=lambda pair: (pair[1].starts_surely, pair[0].id)):
        if version.confidence not in DECIDING:
            continue  # a text of which nobody has read a word is no link of a chain
        groups.setdefault((version.provider, version.kind, version.service), []).append((entry, version))
    for key in sorted(groups):
        for number in range(len(groups[key])):
            yield from _check_following(groups[key], number)


def _check_following(group: Sequence[tuple[WrittenEntry, TermsVersion]], number: int) -> Iterator[Problem]:
    """Yield what is amiss between one text and those of its chain that begin with it or later, up to the first that begins after its end."""
    entry, version = group[number]
    is_followed = False
    for later, other in itertools.islice(group, number + 1, None):
        if is_followed and other.starts_surely >= version.ends_surely:
            return
        if not (share_chain(version, other) and _same_access(entry, later)):
            continue
        if not is_followed and other.starts_surely > version.ends_surely:
            message = f"ends before {version.ends_surely}, and the next text begins on {other.starts_surely}: the days between are UNKNOWN"
            yield replace(_problem(ProblemKind.GAP, entry, "version", message), is_fault=False)
        is_followed = True
        days = overlap(version, other)
        if days is not None and not (_explains(entry, later) or _explains(later, entry)):
            yield _overlapping(entry, later, days)


def _overlapping(entry: WrittenEntry, later: WrittenEntry, days: tuple[dt.date, dt.date]) -> Problem:
    until = "on" if days[1] == dt.date.max else f"to the day before {days[1]}"
    message = f"holds beside {entry.id} from {days[0]} {until}, and no note says why"
    hint = f"say which day ends {entry.id}; if both are meant to hold: --accept {later.id}"
    return replace(_problem(ProblemKind.OVERLAP, later, "version", message, hint), is_fault=not (entry.is_shipped and later.is_shipped))


def _same_access(one: WrittenEntry, other: WrittenEntry) -> bool:
    """Tell whether two texts of a site are about the same way to its content; without a word on it they are."""
    ways = [set(e.get("applies_to.access").split(", ")) for e in (one, other)]
    return "" in ways[0] | ways[1] or bool(ways[0] & ways[1])


def _explains(entry: WrittenEntry, other: WrittenEntry) -> bool:
    """Tell whether a note of one text speaks of the other."""
    notes = " ".join(text for name, text in entry.values if name.rpartition(".")[2] in {"note", "notes"}).lower()
    return other.id.lower() in notes or any(word in notes for word in ("overlap", "beside", "read together"))


def _check_override(new: WrittenEntry, old: TermsVersion, version: TermsVersion) -> Iterator[Problem]:
    reasons = loosening(old, version)
    if reasons:
        message = f"takes the place of an entry and is looser: {'; '.join(reasons)}"
        hint = f"check it against the text; if it is meant: --accept {new.id}"
        yield _problem(ProblemKind.LOOSENS, new, "", message, hint)


def _problem(kind: ProblemKind, entry: WrittenEntry, field: str, message: str, hint: str = "") -> Problem:
    return Problem(kind=kind, entry=entry.id, place=where(entry, field), message=message, hint=hint, is_shipped=entry.is_shipped)
