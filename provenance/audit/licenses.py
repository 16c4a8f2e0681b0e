"""Which of the licences that are stated of a dataset an audit goes by, and whether they agree.

A person's conclusion decides. Without one, whatever any place states counts, and the strictest is gone by: a card that says less than the licence file, or a record
that says less than the card, loosens nothing. A licence whose last day has passed is not known.

The licence of the database counts beside that of its contents, and nobody contradicts the other; a conclusion is about the contents. That of the metadata counts for
nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provenance.licensing.expression import AllOf, parse_expression, render
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import Dataset, LicenseClaim, LicenseFacts, LicensePart, Shard, ShardDigests

STATED_BY_IMPORT = "its records name licences, which an import states and nobody read here; register the files: provenance register"
_NAMED = 8
"""Licences of single records that evidence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What is stated of a dataset's licence."""

    values: tuple[str, ...]
    """The licences that count, expressions or named absences, each once: the strictest of them is gone by. Never empty."""
    agreed: TriState
    """NO where two places name different licences and nobody concluded which one holds."""
    summaries: tuple[str, ...]
    """What else than the effective licence was read, for people."""


def has_unread_licenses(dataset: Dataset, digests: ShardDigests) -> bool:
    """Tell whether records name licences that nobody has read here: what an import states of them proves nothing, since its file may have been edited."""
    return digests is ShardDigests.DECLARED and dataset.details.license_field is not None


def stated_licenses(dataset: Dataset, shards: Sequence[Shard], today: str, digests: ShardDigests = ShardDigests.READ) -> Statements:
    """Return which licences count for a dataset.

    Args:
        dataset: With what is declared, detected, concluded and stated.
        shards: Of its version, with the licences of their records.
        today: ``YYYY-MM-DD``.
        digests: Whether the shards were read here. Where they were not, a licence more may stand in the records than an import tells.
    """
    facts = dataset.license
    records = _records(shards)
    statements = [c for c in (facts.declared, facts.detected, *facts.stated) if _speaks(c)]
    said = {c.value for c in statements if not is_absent(c.value)}
    contradicted = _contradicting(records, said)
    known = [*said, *contradicted]
    settled = not is_absent(facts.concluded.value)
    values = [facts.concluded.value] if settled else [c.value for c in statements] + [r for r in records if r != Absence.NOT_STATED.value]
    if not settled and is_absent(facts.declared.value) and not (records and _all_named(shards)):
        values.append(facts.declared.value)
    database = dataset.details.container_license
    if _speaks(database):
        values.append(database.value)
    summaries = [_conflict(statements, contradicted, settled=settled)] if len(known) > 1 else []
    summaries += _record_summary(records)
    if _speaks(database):
        summaries.append(f"the database is under {database.value}, which counts beside the licence of its contents")
    if not settled and has_unread_licenses(dataset, digests):
        values.append(Absence.UNKNOWN.value)
        summaries.append(STATED_BY_IMPORT)
    if _ended(facts, today):
        values.append(Absence.UNKNOWN.value)
        summaries.append(f"the licence ended on {facts.expires}")
    return Statements(values=tuple(dict.fromkeys(values)), agreed=TriState.of(settled or len(known) <= 1), summaries=tuple(summaries))


def _speaks(claim: LicenseClaim) -> bool:
    """Tell whether a claim says something: a licence, or words that nobody could read as one."""
    return not is_absent(claim.value) or claim.value == Absence.UNREADABLE.value or (claim.value == Absence.UNKNOWN.value and bool(claim.original))


def _records(shards: Iterable[Shard]) -> Counter[str]:
    """Return how many records are under which licence by their own words."""
    counts: Counter[str] = Counter()
    for shard in shards:
        for part in shard.licenses:
            counts[part.value] += part.records
    return Counter({value: count for value, count in counts.items() if count})


def _all_named(shards: Sequence[Shard]) -> bool:
    """Tell whether every record of every shard was read and names a licence."""
    return all(s.records is not None and not s.unread_records and sum(map(_named, s.licenses)) == s.records for s in shards)


def _named(part: LicensePart) -> int:
    return 0 if part.value == Absence.NOT_STATED.value else part.records


def _contradicting(records: Iterable[str], said: Iterable[str]) -> list[str]:
    """Return the licences of records that no statement on the whole names, sorted; records under several licences contradict nobody by themselves."""
    named = {part for value in said for part in (value, *_parts(value))}
    return sorted(r for r in records if named and r not in named and not is_absent(r))


def _parts(value: str) -> Iterable[str]:
    """Return what an expression joins by AND."""
    try:
        parsed = parse_expression(value)
    except ValueError:
        return ()
    return map(render, parsed.parts) if isinstance(parsed, AllOf) else ()


def _conflict(statements: Iterable[LicenseClaim], others: Sequence[str], *, settled: bool) -> str:
    rest = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    said = [*dict.fromkeys(f"{c.by} says {c.value}" for c in statements), *([f"records say {' and '.join(others[:_NAMED])}{rest}"] if others else [])]
    return f"{', '.join(said)}: {'a person concluded which holds' if settled else 'the strictest counts'}"


def _record_summary(records: Counter[str]) -> Iterator[str]:
    if records:
        most = ", ".join(f"{value} {count}" for value, count in sorted(records.items(), key=lambda i: (-i[1], i[0]))[:_NAMED])
        rest = len(records) - _NAMED
        yield f"records by the licence they name: {most}{f' and {rest} licences more' if rest > 0 else ''}"


def _ended(facts: LicenseFacts, today: str) -> bool:
    return not is_absent(facts.expires) and facts.expires < today
