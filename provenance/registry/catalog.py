"""The registry as a catalogue: sums, pages of shards, search by words and facets. Nothing here loads all shards of a version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, insert, select

from provenance.errors import ManifestError, NotRegisteredError
from provenance.model.dataset import Dataset, DatasetVersion, LicensePart, Shard
from provenance.registry import mapping
from provenance.registry.tables import SEARCH_TERM_TABLE, SearchTermRow, ShardLicenseRow, ShardRow, TotalsRow, VersionRow
from provenance.registry.terms import FACETS, NAME_WORD, WEIGHTS, build_terms, words_of
from provenance.registry.unit import FACTS, IDS_PER_QUERY, RegistryUnit, newest_ids

_LAST = "\U0010ffff"
"""Above every word that begins as the one before it."""

_SEE = "see: provenance datasets versions {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTotals:
    """The sums over a version's shards."""

    shards: int = 0
    size_bytes: int = 0
    records: int = 0
    words: int = 0
    uncounted: int = 0
    """Shards of which nobody has counted records or words: they are missing in these sums."""
    unread_records: int = 0

    def __add__(self, other: VersionTotals) -> VersionTotals:
        """Return the sums over the shards of both."""
        return VersionTotals(**{name: getattr(self, name) + getattr(other, name) for name in SUMS})


SUMS = ("shards", "size_bytes", "records", "words", "uncounted", "unread_records")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found: names by rank, and how many of them have which value of each facet."""

    names: tuple[str, ...]
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Facet → value → datasets, the most frequent first."""


class CatalogRegistry(RegistryUnit):
    """Finds datasets and describes them."""

    def totals(self) -> dict[str, VersionTotals]:
        """Return the sums of every dataset's newest version, by name, without reading shards."""
        query = select(VersionRow.name, TotalsRow).join(TotalsRow, TotalsRow.version_id == VersionRow.id)
        rows = self._session.execute(query.where(VersionRow.id.in_(newest_ids())).order_by(VersionRow.name))
        return {name: _totals(row) for name, row in rows}

    def find_recording(self, text: str) -> int:
        """Return the number of the recording that NAME, NAME@DIGITS (the beginning of a root digest) or NAME~N (N recordings ago) names.

        Raises:
            NotRegisteredError: If there is none.
            ManifestError: If several versions begin with the digits.
        """
        exact = self._newest_id(text)
        if exact is not None:
            return exact
        name, _, digits = text.partition("@")
        name, _, back = name.partition("~") if not digits else (name, "", "")
        rows = self._session.execute(select(VersionRow.id, VersionRow.root_digest).where(VersionRow.name == name).order_by(VersionRow.id)).all()
        if not rows:
            self._fail_unregistered(name)
        if back:
            if not (back.isascii() and back.isdigit()) or int(back) >= len(rows):
                raise NotRegisteredError(
                    f"dataset {name!r} was recorded {'once' if len(rows) == 1 else f'{len(rows)} times'}: there is no {name}~{back[:20]}",
                    hint=_SEE.format(name),
                )
            return int(rows[-1 - int(back)].id)
        wanted = digits.removeprefix("sha256:")
        fitting = [r for r in rows if r.root_digest.removeprefix("sha256:").startswith(wanted)]
        if not fitting:
            raise NotRegisteredError(f"dataset {name!r} has no version {digits}", hint=_SEE.format(name))
        if wanted and len({r.root_digest for r in fitting}) > 1:
            raise ManifestError(f"{digits} begins several versions of {name!r}", hint="give more digits")
        return int(fitting[-1].id)

    def recording(self, number: int) -> DatasetVersion:
        """Return the facts of a recording that ``find_recording`` found, without its shards."""
        return mapping.version_value(self._session.scalars(select(VersionRow).where(VersionRow.id == number).options(*FACTS)).one())

    def totals_of(self, number: int) -> VersionTotals:
        """Return the sums of a recording."""
        row = self._session.get(TotalsRow, number)
        return VersionTotals() if row is None else _totals(row)

    def shards_of(self, number: int, *, limit: int, offset: int = 0) -> Sequence[Shard]:
        """Return some shards of a recording in their order."""
        place = (ShardLicenseRow.version_id == number) & (ShardLicenseRow.shard >= offset) & (ShardLicenseRow.shard < offset + limit)
        licenses: dict[int, list[LicensePart]] = {}
        for row in self._session.scalars(select(ShardLicenseRow).where(place).order_by(ShardLicenseRow.shard, ShardLicenseRow.position)):
            licenses.setdefault(row.shard, []).append(mapping.license_part(row))
        query = select(ShardRow.position, *mapping.SHARD_COLUMNS).where(ShardRow.version_id == number, ShardRow.position >= offset)
        rows = self._session.execute(query.order_by(ShardRow.position).limit(limit))
        return [mapping.shard_value(columns, tuple(licenses.get(position, ()))) for position, *columns in rows]

    def record_license_counts(self, number: int) -> Mapping[str, int]:
        """Return how many records of a recording name which licence, the most frequent first."""
        counts: Counter[str] = Counter()
        query = select(ShardLicenseRow.value, func.sum(ShardLicenseRow.records)).where(ShardLicenseRow.version_id == number)
        for value, records in self._session.execute(query.group_by(ShardLicenseRow.value)):
            counts[value] += int(records)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def search(self, words: Sequence[str] = (), filters: Mapping[str, Collection[str]] | None = None) -> Found:
        """Find datasets by words and facets, in their newest versions.

        Args:
            words: Beginnings of words; all must be found. Folded as the words of datasets are.
            filters: Facet → values of which one must hold, upper and lower case alike.

        Raises:
            ManifestError: If a facet is not known.
        """
        scores: dict[int, int] | None = None
        for word in dict.fromkeys(w for text in words for w in words_of(text)):
            found = self._with_word(word)
            scores = found if scores is None else {i: scores[i] + found[i] for i in scores.keys() & found.keys()}
        for facet, wanted in (filters or {}).items():
            held = self._with_facet(facet, wanted)
            scores = dict.fromkeys(held, 0) if scores is None else {i: s for i, s in scores.items() if i in held}
        names = self._names(scores)
        order = sorted(names, key=lambda i: (-(scores or {}).get(i, 0), names[i]))
        return Found(names=tuple(names[i] for i in order), facets=self._count_facets(names))

    def recorded_descriptions(self) -> Iterator[tuple[VersionTotals, Sequence[tuple[str, str]]]]:
        """Yield the sums and the search terms of every recording, in the order they were made; no sums where the row is missing."""
        rows = self._session.execute(
            select(VersionRow.id, TotalsRow).outerjoin(TotalsRow, TotalsRow.version_id == VersionRow.id).order_by(VersionRow.id)
        )
        for version, row in rows.all():
            query = select(SearchTermRow.facet, SearchTermRow.value).where(SearchTermRow.version_id == version)
            yield VersionTotals(shards=-1) if row is None else _totals(row), [(f, v) for f, v in self._session.execute(query)]

    def _describe(self, version_id: int, dataset: Dataset, sums: VersionTotals) -> None:
        """Write the sums and the words of a new version."""
        self._session.add(TotalsRow(version_id=version_id, **{name: getattr(sums, name) for name in SUMS}))
        terms = [{"version_id": version_id, "facet": facet, "value": value} for facet, value in build_terms(dataset)]
        self._session.flush()
        self._session.execute(insert(SEARCH_TERM_TABLE), terms)

    def _with_word(self, word: str) -> dict[int, int]:
        """Return newest versions with a word that begins so, with their score: where it stands, and twice that for the whole word."""
        query = select(SearchTermRow.version_id, SearchTermRow.facet, SearchTermRow.value).where(
            SearchTermRow.facet.in_(sorted(WEIGHTS)), SearchTermRow.value >= word, SearchTermRow.value <= word + _LAST
        )
        found: dict[int, int] = {}
        for version, facet, value in self._session.execute(query.where(SearchTermRow.version_id.in_(newest_ids()))):
            found[version] = max(found.get(version, 0), WEIGHTS[facet] * (2 if value == word else 1))
        # Names join words by underscores, which count as letters of one word elsewhere.
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        named = select(VersionRow.id).where(func.lower(VersionRow.name).like(f"%\\_{escaped}%", escape="\\"), VersionRow.id.in_(newest_ids()))
        for version in self._session.scalars(named):
            found[version] = max(found.get(version, 0), WEIGHTS[NAME_WORD])
        return found

    def _with_facet(self, facet: str, wanted: Collection[str]) -> set[int]:
        if facet not in FACETS:
            raise ManifestError(f"facet {facet!r} is not known", hint=f"known: {', '.join(FACETS)}")
        held = self._session.scalars(select(SearchTermRow.value).where(SearchTermRow.facet == facet).distinct())
        folded = {text.casefold() for text in wanted}
        values = sorted(v for v in held if v.casefold() in folded)
        found: set[int] = set()
        for start in range(0, len(values), IDS_PER_QUERY):
            chunk = values[start : start + IDS_PER_QUERY]
            query = select(SearchTermRow.version_id).where(SearchTermRow.facet == facet, SearchTermRow.value.in_(chunk))
            found.update(self._session.scalars(query.where(SearchTermRow.version_id.in_(newest_ids()))))
        return found

    def _names(self, chosen: Collection[int] | None) -> dict[int, str]:
        rows = self._session.execute(select(VersionRow.id, VersionRow.name).where(VersionRow.id.in_(newest_ids())))
        return {number: name for number, name in rows if chosen is None or number in chosen}

    def _count_facets(self, versions: Collection[int]) -> dict[str, dict[str, int]]:
        counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
        ids = sorted(versions)
        for start in range(0, len(ids), IDS_PER_QUERY):
            query = select(SearchTermRow.facet, SearchTermRow.value).where(
                SearchTermRow.version_id.in_(ids[start : start + IDS_PER_QUERY]), SearchTermRow.facet.in_(FACETS)
            )
            for facet, value in self._session.execute(query):
                counts[facet][value] += 1
        return {f: dict(sorted(c.items(), key=lambda item: (-item[1], item[0]))) for f, c in counts.items() if c}


def sum_shards(shards: Sequence[Shard]) -> VersionTotals:
    """Return the sums over shards."""
    return VersionTotals(
        shards=len(shards),
        size_bytes=sum(s.size_bytes for s in shards),
        records=sum(s.records or 0 for s in shards),
        words=sum(s.words or 0 for s in shards),
        uncounted=sum(s.records is None or s.words is None for s in shards),
        unread_records=sum(s.unread_records for s in shards),
    )


def _totals(row: TotalsRow) -> VersionTotals:
    return VersionTotals(
        shards=row.shards,
        size_bytes=row.size_bytes,
        records=row.records,
        words=row.words,
        uncounted=row.uncounted,
        unread_records=row.unread_records,
    )
