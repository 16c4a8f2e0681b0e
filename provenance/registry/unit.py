"""What every part of the registry works with: one session, whether it may write, and what it changed for the log."""

from __future__ import annotations

from typing import Any, NoReturn

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from provenance.errors import NotRegisteredError, RegistryError
from provenance.registry.tables import ShardRow, VersionRow

IDS_PER_QUERY = 500
"""Parameters of one query: SQLite takes at least 999 in every build."""

FACTS = (
    selectinload(VersionRow.licenses),
    selectinload(VersionRow.generators),
    selectinload(VersionRow.terms),
    selectinload(VersionRow.languages),
    selectinload(VersionRow.derivations),
    selectinload(VersionRow.tags),
    selectinload(VersionRow.tokenizer),
    selectinload(VersionRow.details),
    selectinload(VersionRow.stated),
)

"""All facts of a version, loaded with it."""


class RegistryUnit:
    """The common base of the registry's parts."""

    def __init__(self, session: Session, *, writable: bool) -> None:
        self._session = session
        self._writable = writable
        self._changes: dict[str, list[dict[str, Any]]] = {}

    def _must_write(self) -> None:
        if not self._writable:
            raise RegistryError("the registry was opened for reading", hint="use a writing unit: unit_of_work.begin(…)")

    def _changed(self, kind: str, **facts: Any) -> None:
        self._changes.setdefault(kind, []).append(facts)

    def _newest_id(self, name: str, root_digest: str | None = None) -> int | None:
        query = select(VersionRow.id).where(VersionRow.name == name).order_by(VersionRow.id.desc()).limit(1)
        return self._session.scalars(query if root_digest is None else query.where(VersionRow.root_digest == root_digest)).first()

    def _fail_unregistered(self, name: str, root_digest: str | None = None) -> NoReturn:
        import difflib

        names = list(self._session.scalars(select(VersionRow.name).distinct()))
        if name in names:
            raise NotRegisteredError(f"dataset {name!r} has no version {root_digest}", hint=f"see: provenance datasets versions {name}")
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see: provenance datasets list"
        raise NotRegisteredError(f"dataset {name!r} is not registered", hint=hint)


def newest_ids() -> Select[int]:
    """Return the query for the ids of the newest versions of all datasets."""
    return select(func.max(VersionRow.id)).group_by(VersionRow.name)


def is_of_newest() -> ColumnElement[bool]:
    """Return the condition that a shard is of the newest version of its dataset, for queries that name paths or digests.

    The sum keeps SQLite from going through all shards of all newest versions, which it takes for less work than a few hundred look-ups in an index: of a registry of a
    million shards, 500 paths took .7 s so and take .001 s.
    """
    return (ShardRow.version_id + 0).in_(newest_ids())
