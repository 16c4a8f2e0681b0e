"""Dataset cards of the Hugging Face hub: YAML between two ``---`` lines, then Markdown (crosswalk column ``hf_card``).

The front matter is read as strictly as our own documents: no aliases, no repeated keys, bounded depth. One that cannot be read is no reason to forget the
dataset: it is registered with an ``UNREADABLE`` licence. The body is prose; its licence section is kept in the notes and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from provenance.audit.imports import ImportedDataset
from provenance.documents import parse_document
from provenance.errors import DocumentError
from provenance.exchange.claims import claim_of, facts_of
from provenance.exchange.sources import Reading, SourceFile, SourceRead, collected, kind_of
from provenance.model.absence import Absence, TriState
from provenance.model.claims import LicenseClaim
from provenance.model.dataset import Dataset, Generator, Source
from provenance.model.details import Collection, Details

MAX_FRONT_BYTES = 4 << 20
"""Largest front matter read: real ones with thousands of configurations take some 500 kB."""
MAX_SECTION = 4000
"""Characters kept of a section of the body."""
_FRONT = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(.*?)(?:^|\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_CACHED = re.compile(r"datasets--([\w.-]+)--([\w.-]+)")
"""How the hub's cache names the folder of ``org/name``."""
_BIBTEX = re.compile(r"```(?:bibtex)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MACHINE = "machine-generated"
_PLACEHOLDER = re.compile(r"\[?(more information needed|needs more information)\]?(\([^)]*\))?", re.IGNORECASE)
_OTHER = "other"
SYNTHETIC_TAG = "synthetic"
"""The hub's tag of datasets that a model made."""
_UNNAMED = "other (not named)"
"""An ancestor that the card does not name: leaving it out would say that there is none."""
_LISTS = ("size_categories", "multilinguality")


def is_card(raw: bytes) -> bool:
    """Tell whether a document begins as a card does."""
    return raw[:8].removeprefix(b"\xef\xbb\xbf").startswith(b"---")


def card_name(file_name: str) -> str:
    """Return the dataset's name that the place of a card tells: a card does not say it itself.

    >>> card_name("datasets--allenai--c4/snapshots/1588ec4/README.md"), card_name("cards/squad/README.md"), card_name("squad.md")
    ('allenai/c4', 'squad', 'squad')
    """
    cached = _CACHED.search(file_name)
    if cached:
        return f"{cached[1]}/{cached[2]}"
    path = PurePosixPath(file_name)
    return path.parent.name if path.stem.lower() == "readme" else path.stem


def read_card(file: SourceFile, *, name: str = "") -> SourceRead:
    """Return the dataset that a card describes.

    Args:
        file: The card.
        name: The dataset's name, where its place does not tell it.
    """
    reading = Reading(file.name)
    given = name or card_name(file.name)
    if not given:
        reading.problem("a card does not say which dataset it is of: give --name, or keep it as NAME/README.md")
        return collected([reading], [])
    made = reading.name(given, "name")
    if not made:
        return collected([reading], [])
    front, readable = _front_matter(file, reading)
    body = _FRONT.sub(b"", file.raw, count=1) if readable or _FRONT.match(file.raw) else file.raw
    dataset = _Card(file, reading, front, _sections(body.decode("utf-8", "replace"))).dataset(made, readable=readable)
    return collected([reading], [ImportedDataset(dataset=dataset, where=file.name)])


def _front_matter(file: SourceFile, reading: Reading) -> tuple[Mapping[str, Any], bool]:
    """Return the front matter, and whether it could be read. A card without one states nothing, which is no fault."""
    found = _FRONT.match(file.raw)
    if found is None and not is_card(file.raw):
        if not _is_text(file.raw):
            reading.problem("is not UTF-8 text; the dataset is kept with an UNREADABLE licence: save the card as UTF-8 and import it again")
            return {}, False
        reading.note("has no front matter: it states no licence")
        return {}, True
    try:
        value = parse_document(_front_bytes(found), where=file.name)
    except (DocumentError, RecursionError) as err:
        message = str(err).removeprefix(f"{file.name}:").strip()
        reading.problem(
            f"its front matter cannot be read: {message}; the dataset is kept with an UNREADABLE licence: mend the card and import it again"
        )
        return {}, False
    if value is None:
        return {}, True
    if not isinstance(value, dict):
        reading.problem(f"its front matter is {kind_of(value)}, expected fields such as license; the dataset is kept with an UNREADABLE licence")
        return {}, False
    return value, True


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in raw  # UTF-16 without a mark passes for UTF-8


def _front_bytes(found: re.Match[bytes] | None) -> bytes:
    if found is None:
        raise DocumentError("it does not end: a line of --- is missing")
    if len(found[1]) > MAX_FRONT_BYTES:
        raise DocumentError(f"{len(found[1])} bytes, more than {MAX_FRONT_BYTES}")
    return found[1]


def _sections(text: str) -> dict[str, str]:
    """Return the Markdown sections by their heading, lower case; the first of each name counts."""
    found: dict[str, str] = {}
    marks = list(_HEADING.finditer(text))
    ends = [*(m.start() for m in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):  # without headings there is one end and no mark
        body = text[mark.end() : end].strip()
        body = "" if _PLACEHOLDER.fullmatch(body) else body
        found.setdefault(mark[2].strip().lower(), body)
    return found


class _Card:
    def __init__(self, file: SourceFile, reading: Reading, front: Mapping[str, Any], sections: Mapping[str, str]) -> None:
        self._file, self._reading, self._front, self._sections = file, reading, front, sections

    def dataset(self, name: str, *, readable: bool) -> Dataset:
        evidence = self._file.evidence(self._address(name))
        stated = list(self._stated(name)) if readable else [LicenseClaim(value=Absence.UNREADABLE.value, by="card", evidence=evidence)]
        generators = tuple(self._generators())
        title = self._reading.text(self._front.get("pretty_name"), "pretty_name")
        tags = (*self._texts("tags"), *(f"{f}:{t}" for f in _LISTS for t in self._texts(f)))
        synthetic = any(not g.is_labeller for g in generators) or any(t.lower() == SYNTHETIC_TAG for t in tags)
        return Dataset(
            name=name,
            title=title,
            source=Source(url=self._address(name)),
            license=facts_of(stated, by="card", evidence=evidence),
            generators=generators,
            # Text that was "found" may hold model output all the same, so that nothing here says NO.
            synthetic=TriState.YES if synthetic else TriState.UNKNOWN,
            languages=tuple(dict.fromkeys((*(self._texts("language") or self._texts("languages")), *self._texts("language_bcp47")))),
            derived_from=tuple(self._ancestors()),
            tags=tags,
            details=self._details(name),
        )

    def _address(self, name: str) -> str:
        """Return the card's address where its place tells that it is from the hub."""
        return f"https://huggingface.co/datasets/{name}" if _CACHED.search(self._file.name) else Absence.NOT_STATED.value

    def _stated(self, name: str) -> Iterator[LicenseClaim]:
        link = self._reading.url(self._front.get("license_link"), "license_link") if "://" in str(self._front.get("license_link", "")) else ""
        evidence = self._file.evidence(link or self._address(name))
        named = self._reading.text(self._front.get("license_name"), "license_name")
        details = self._reading.text(self._front.get("license_details"), "license_details")
        for text in self._licenses():
            own = next((t for t in (named, details) if t), "") if text.lower() == _OTHER else ""
            claim = claim_of(own or text, by="card", evidence=evidence)
            yield replace(claim, original=f"{text}: {own}") if own else claim
        if not self._front.get("license") and (named or details):
            yield claim_of(named or details, by="card", evidence=evidence)

    def _licenses(self) -> Iterator[str]:
        """Yield the licences: one, a list, or lists by configuration as old cards have them."""
        raw = self._front.get("license", self._front.get("licenses"))
        for place, item in _by_configuration(raw):
            yield from self._reading.texts(item, place)

    def _generators(self) -> Iterator[Generator]:
        if _MACHINE in self._texts("language_creators"):
            yield Generator(role="generate")
        if _MACHINE in self._texts("annotations_creators"):
            yield Generator(role="label")

    def _ancestors(self) -> Iterator[str]:
        """Yield what it was made from: ``extended|NAME`` is on the hub, ``extended|other-NAME`` is elsewhere, ``extended`` alone does not say what."""
        for text in self._texts("source_datasets"):
            name = text.removeprefix("extended|").removeprefix("other-")
            if text != "original":
                yield _UNNAMED if name in {"extended", _OTHER, ""} else name

    def _details(self, name: str) -> Details:
        citation = self._sections.get("citation information", self._sections.get("citation", ""))
        bibtex = _BIBTEX.search(citation)
        creators = [
            f"{field.removesuffix('_creators')}: {', '.join(found)}"
            for field in ("language_creators", "annotations_creators")
            if (found := self._texts(field))
        ]
        return Details(
            description=self._section("dataset summary", "dataset description", "description", "summary") or Absence.NOT_STATED.value,
            identifiers=tuple(self._identifiers(name)),
            content_types=tuple(dict.fromkeys((*self._texts("task_categories"), *self._texts("task_ids")))),
            collection=Collection(method="; ".join(creators) or Absence.UNKNOWN.value),
            citation=self._reading.text((bibtex[1] if bibtex else citation).strip(), "citation", cut=True) or Absence.NOT_STATED.value,
            notes="\n".join(self._notes()) or Absence.NOT_STATED.value,
        )

    def _identifiers(self, name: str) -> Iterator[str]:
        if "/" in name:
            yield f"hf:{name}"
        if code := self._reading.text(self._front.get("paperswithcode_id"), "paperswithcode_id"):
            yield f"pwc:{code}"

    def _notes(self) -> Iterator[str]:
        for label, heading in (
            ("Licence section of the card", "licensing information"),
            ("People in it, by the card", "personal and sensitive information"),
        ):
            if text := self._section(heading):
                yield f"{label}: {text}"
        if prompt := self._reading.text(self._front.get("extra_gated_prompt"), "extra_gated_prompt", cut=True):
            yield f"Who downloads it must agree: {prompt[:MAX_SECTION]}"
        for label, count in self._counts().items():
            yield f"{label}: {count}"

    def _counts(self) -> dict[str, int]:
        """Return the examples and bytes that the card counts, over all configurations."""
        raw = self._front.get("dataset_info")
        infos = [i for i in (raw if isinstance(raw, list) else [raw]) if isinstance(i, dict)]
        splits = [s for i in infos for s in (i.get("splits") or ()) if isinstance(s, dict)]
        found = {}
        for label, field in (("Examples by the card", "num_examples"), ("Bytes by the card", "num_bytes")):
            numbers = [s[field] for s in splits if isinstance(s.get(field), int) and not isinstance(s[field], bool)]
            if numbers:
                found[label] = sum(numbers)
        return found

    def _section(self, *headings: str) -> str:
        text = next((t for h in headings if (t := self._sections.get(h))), "")
        return self._reading.text(text[:MAX_SECTION], headings[0], cut=True)

    def _texts(self, field: str) -> tuple[str, ...]:
        found: list[str] = []
        for place, item in _by_configuration(self._front.get(field), field):
            found.extend(self._reading.texts(item, place))
        return tuple(dict.fromkeys(found))


def _by_configuration(raw: Any, field: str = "license") -> Iterator[tuple[str, Any]]:
    if isinstance(raw, dict):
        yield from ((f"{field}.{key}"[:80], item) for key, item in raw.items())
    else:
        yield field, raw
