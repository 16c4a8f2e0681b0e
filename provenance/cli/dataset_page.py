"""What ``datasets show`` prints of one dataset: its facts, how it was made, what it inherits, its shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from provenance.cli.lineage import input_text
from provenance.cli.output import counted, say, say_table, short, size_text, thousands, visible
from provenance.columns import wrap
from provenance.model.absence import is_absent
from provenance.model.dataset import Dataset, DatasetVersion, LicenseClaim, Shard
from provenance.model.details import Details
from provenance.model.lineage import Derivation
from provenance.model.wire import to_wire

if TYPE_CHECKING:
    from provenance.audit.lineage import Ancestor, Inheritance
    from provenance.audit.runs import FirstUse
    from provenance.registry.catalog import VersionTotals

ANCESTORS_SHOWN = 10
RUNS_SHOWN = 5
_LABEL, _TEXT = 19, 57
"""Columns of a fact's name, and of what it says."""
_RIGHT = frozenset({"size", "records", "words", "unread"})
_NOBODY = "not known – nobody has said"


def say_facts(version: DatasetVersion, newest: str) -> None:
    """Print what is registered of a dataset version.

    Args:
        version: The version.
        newest: Root digest of the newest one.
    """
    name = visible(version.dataset.name)
    say(f"{name}@{short(version.root_digest)}", bold=True)
    say(f"  {version.root_digest}")
    if newest != version.root_digest:
        _say_fact("an older version", f"the newest is {name}@{short(newest)}")
    for label, value in (*_facts(version.dataset), *_detail_facts(version.dataset.details)):
        _say_fact(label, value)


def say_origin(made: Sequence[Derivation], inherited: Inheritance) -> None:
    """Print how a dataset was made, and whose facts count for it too."""
    for step in made:
        tool = "" if is_absent(step.tool) else f" with {step.tool}{'' if is_absent(step.tool_version) else f' {step.tool_version}'}"
        of = f"{counted(len(step.shards), 'shard')} " if step.shards else ""
        _say_fact("made by", f"{of}{step.transform}{tool}, from", *map(input_text, step.inputs))
    for ancestor in inherited.ancestors[:ANCESTORS_SHOWN]:
        _say_fact("inherits", _inherited(ancestor), f"from {ancestor.dataset.name}@{short(ancestor.root_digest)}, via {' of '.join(ancestor.via)}")
    if len(inherited.ancestors) > ANCESTORS_SHOWN:
        _say_fact("inherits", f"and of {len(inherited.ancestors) - ANCESTORS_SHOWN} more: -f json lists all")
    for name in inherited.unknown:
        _say_fact("inherits", f"what nobody knows: {name} is not registered, and what is not known is denied")
    for name in inherited.generated:
        _say_fact("made by a model", f"{name} was generated, and its facts name no model")


def say_uses(used: FirstUse) -> None:
    """Print which runs really read a dataset version, when first and last, and what their records are worth."""
    from provenance.audit.runs import signature_words

    _say_fact("first used", used.sentence)
    for use in used.uses[:RUNS_SHOWN]:
        r, run = use.reads, use.run
        told = f"{r.first_read} to {r.last_read}" if use.is_read else "no read of it was seen, which is not to say that there was none"
        shards = f"{thousands(r.shards_read)} of {counted(r.shards, 'shard')}, " if use.is_read else ""
        _say_fact("trained on by", f"{run.model}, run {run.id[:12]}, {shards}{told}, {signature_words(run)}")
    if len(used.uses) > RUNS_SHOWN:
        _say_fact("trained on by", f"and {len(used.uses) - RUNS_SHOWN} more: provenance runs list --dataset {used.dataset}")


def say_record_licenses(licenses: Mapping[str, int]) -> None:
    """Print how many records are under which licence by their own words."""
    for value, records in licenses.items():
        _say_fact("records under", f"{value}: {thousands(records)}")


def say_shards(shards: Sequence[Shard], totals: VersionTotals, offset: int) -> None:
    """Print some shards, and the sums of all."""
    rows = [(s.path, size_text(s.size_bytes), _count(s.records), _count(s.words), s.unread_records, short(s.sha256)) for s in shards]
    if rows:
        say_table(("shard", "size", "records", "words", "unread", "sha256"), rows, right=_RIGHT, spare=("sha256",))
    uncounted = f"; {counted(totals.uncounted, 'shard')} not counted" if totals.uncounted else ""
    say(
        f"{counted(totals.shards, 'shard')}, {size_text(totals.size_bytes)}, {counted(totals.records, 'record')}, {counted(totals.words, 'word')}{uncounted}"
    )
    if rows and len(rows) < totals.shards:
        say(f"shown are shards {offset + 1} to {offset + len(rows)}: --shards and --offset show others, -f json all")
    elif not rows and totals.shards:
        say(f"none of them is shown: there are {thousands(totals.shards)}, and --offset is {offset}")


def wire_inherited(inherited: Inheritance) -> dict[str, Any]:
    """Return what is inherited, for machines."""
    ancestors = [
        {
            "name": a.dataset.name,
            "root_digest": a.root_digest,
            "via": list(a.via),
            "license": a.dataset.license.effective,
            "record_licenses": list(a.record_licenses),
            "synthetic": a.dataset.synthetic.value,
            "generators": to_wire(a.dataset.generators),
            "terms": list(a.dataset.terms),
        }
        for a in inherited.ancestors
    ]
    return {"ancestors": ancestors, "unknown": list(inherited.unknown), "generated": list(inherited.generated)}


def in_words(value: Any) -> str:
    """Return a value of a fact for people."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {in_words(v)}" for k, v in value.items() if not (isinstance(v, str) and is_absent(v)) and v not in ({}, [], ""))
    return "; ".join(map(in_words, value)) if isinstance(value, list) else str(value)


def _inherited(ancestor: Ancestor) -> str:
    facts = ancestor.dataset
    licenses = dict.fromkeys([facts.license.effective, *ancestor.record_licenses])
    known = "licence not known" if all(map(is_absent, licenses)) else f"licence {', '.join(licenses)}"
    models = "".join(f", {g.provider} {g.model}" for g in facts.generators)
    terms = f", terms {', '.join(facts.terms)}" if facts.terms else ""
    return f"{known}, synthetic {facts.synthetic}{models}{terms}"


def _facts(d: Dataset) -> Iterator[tuple[str, str]]:
    yield "title", d.title
    yield "source", f"{d.source.kind}{'' if is_absent(d.source.url) else f' {d.source.url}'}"
    yield "collected", _range(d.source.collected.start, d.source.collected.end)
    yield "licence declared", _claim(d.license.declared)
    yield "licence detected", _claim(d.license.detected)
    yield "licence concluded", _claim(d.license.concluded)
    yield from (("licence stated", f"{c.by}: {_claim(c)}") for c in d.license.stated)
    if not is_absent(d.license.expires):
        yield "licence ends", d.license.expires
    yield "synthetic", d.synthetic
    yield from (
        ("generator", f"{g.provider} {g.model}, {g.channel}, {g.region}, {_range(g.generated.start, g.generated.end)}, {g.role}")
        for g in d.generators
    )
    yield "terms named", ", ".join(d.terms)
    yield "domain", d.domain
    yield "languages", ", ".join(d.languages)
    yield "derived from", ", ".join(d.derived_from)
    yield "owner", d.owner
    if d.tags:
        yield "tags", ", ".join(d.tags)


def _detail_facts(details: Details) -> Iterator[tuple[str, str]]:
    """Yield what is stated beyond the facts that everybody asks for; what is not stated takes no line."""
    plain = Details()
    for name, value in _stated(to_wire(details), to_wire(plain), ""):
        yield name.replace("_", " "), value


def _stated(value: Any, default: Any, name: str) -> Iterator[tuple[str, str]]:
    if value == default:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            label = key if name in {"", "collection"} else f"{name} {key}"
            yield from _stated(inner, default.get(key) if isinstance(default, dict) else None, label)
    elif isinstance(value, list):
        yield name, "; ".join(in_words(v) for v in value)
    else:
        yield name, str(value)


def _say_fact(label: str, *values: str) -> None:
    """Print a fact in 80 columns, on more lines where it is long or in parts."""
    texts: Iterable[str] = (visible(str(v)) if not is_absent(v) else _NOBODY for v in values)
    lines = [
        f"{'  ' if number and part else ''}{line}" for part, text in enumerate(texts) for number, line in enumerate([*wrap(text, _TEXT)] or [_NOBODY])
    ]
    for number, line in enumerate(lines):
        say(f"  {label[: _LABEL - 1] if not number else '':<{_LABEL}}{line}")


def _range(start: str, end: str) -> str:
    if is_absent(start) and is_absent(end):
        return _NOBODY
    return f"{'?' if is_absent(start) else start} to {'?' if is_absent(end) else end}"


def _claim(claim: LicenseClaim) -> str:
    if is_absent(claim.value) and not claim.original:
        return {"NOT_STATED": "the source names none", "UNREADABLE": "there, but unreadable"}.get(claim.value, _NOBODY)
    said = f' (as "{claim.original}")' if claim.original and claim.original != claim.value else ""
    return f"{claim.value}{said}"


def _count(number: int | None) -> str:
    return "not counted" if number is None else thousands(number)
