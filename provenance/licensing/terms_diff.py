"""What differs between two texts, or two catalogues: dates, scope, each clause, and what changes for which use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.licensing.catalog_entries import WrittenEntry, in_force
from provenance.licensing.terms import TermsVersion
from provenance.licensing.terms_chains import share_chain
from provenance.licensing.use_outcomes import entry_outcomes
from provenance.model.absence import Permission

_OF_THE_FILE = frozenset({"id", "source", "url"})
"""Fields that say where a text was read, not what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that is not the same; empty where it is not there."""

    field: str
    """Dotted name, such as ``clauses.limits.value``."""
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseChange:
    """What two texts, each by itself, say of one use."""

    use: str
    old: Permission
    new: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDiff:
    """How one text differs from another."""

    old: str
    new: str
    one_chain: bool
    """Whether they are versions of one document."""
    changes: tuple[FieldChange, ...]
    uses: tuple[UseChange, ...]
    """All standard uses, changed or not; empty where either decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDiff:
    """How one catalogue differs from another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, tuple[FieldChange, ...]], ...]


def diff_entries(old: WrittenEntry, new: WrittenEntry, versions: tuple[TermsVersion, TermsVersion]) -> EntryDiff:
    """Return how two texts differ.

    Args:
        old: As written.
        new: As written.
        versions: Both as they are read.
    """
    before, after = entry_outcomes(versions[0]), entry_outcomes(versions[1])
    return EntryDiff(
        old=old.id,
        new=new.id,
        one_chain=share_chain(*versions),
        changes=changed_fields(old, new),
        uses=tuple(UseChange(use=b.use, old=b.outcome, new=a.outcome) for b, a in zip(before, after, strict=True)),
    )


def changed_fields(old: WrittenEntry, new: WrittenEntry, *, whole: bool = False) -> tuple[FieldChange, ...]:
    """Return the fields that differ, in the order of the old text and then of the new; unless ``whole``, without those that say where it was read."""
    before, after = dict(old.values), dict(new.values)
    names = [n for n in dict.fromkeys((*before, *after)) if whole or n.partition(".")[0] not in _OF_THE_FILE]
    return tuple(FieldChange(field=n, old=before.get(n, ""), new=after.get(n, "")) for n in names if before.get(n, "") != after.get(n, ""))


def diff_catalogs(old: Sequence[WrittenEntry], new: Sequence[WrittenEntry]) -> CatalogDiff:
    """Return which entries were added, removed and changed; files and order do not matter."""
    before, after = in_force(old), in_force(new)
    both = sorted(set(before) & set(after))
    changed = [(name, changed_fields(before[name], after[name], whole=True)) for name in both]
    return CatalogDiff(
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        changed=tuple((name, fields) for name, fields in changed if fields),
    )
