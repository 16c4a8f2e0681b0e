"""What the licences of a run's datasets permit together, with all that the datasets are made of (``licensing.mixture``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from provenance.audit.judged import JudgedDataset, JudgedShard, shares
from provenance.audit.judgements import Catalogs, DatasetJudgement, judge_dataset
from provenance.audit.lineage import Tracer, find_version
from provenance.audit.states import CheckedShard, ShardState
from provenance.canonical import digest_of
from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.license_uses import Circumstances, LicenseUse
from provenance.licensing.mixture import LicensedDataset, Mixture, combine
from provenance.licensing.resolution import RunUse
from provenance.model.absence import TriState
from provenance.model.dataset import DatasetVersion
from provenance.model.finding import FindingEvidence
from provenance.model.run import Run, RunData
from provenance.policy.facts import FactValue
from provenance.ports import UnitOfWork

_NOT_LOOKED_AT = "nobody looked at the file: only its recorded licences are asked for"
MOST_SHOWN = 20
"""Conflicts that a run's facts and evidence name."""


def uses_of(distributes: TriState) -> tuple[LicenseUse, ...]:
    """Return what a run does with its data: it trains, and passes weights on unless it surely does not."""
    return (LicenseUse.TRAIN,) if distributes is TriState.NO else (LicenseUse.TRAIN, LicenseUse.DISTRIBUTE_WEIGHTS)


def circumstances_of(run: Run) -> Circumstances:
    """Return what licences care about in a run."""
    return Circumstances(
        commercial=run.purpose.commercial, region=run.organization.established_in, monthly_active_users=run.organization.monthly_active_users
    )


def combine_datasets(
    run: Run,
    datasets: Sequence[JudgedDataset],
    judged: Mapping[str, DatasetJudgement],
    catalog: LicenseCatalog,
    *,
    uses: Sequence[LicenseUse],
    parts: Sequence[float] | None,
) -> Mixture | None:
    """Return what the datasets of a run may be used for together; ``None`` where it names none."""
    members = _members(datasets, judged, parts)
    return combine(catalog, members, circumstances_of(run), uses=uses) if members else None


def _members(datasets: Sequence[JudgedDataset], judged: Mapping[str, DatasetJudgement], parts: Sequence[float] | None) -> list[LicensedDataset]:
    found = {
        d.name: LicensedDataset(
            name=d.name,
            expression=judged[d.name].licenses[0],
            also=judged[d.name].licenses[1:],
            synthetic=d.synthetic,
            share=None if parts is None else parts[i],
        )
        for i, d in enumerate(datasets)
    }
    return list(found.values())


def members_of(run: Run, datasets: Sequence[JudgedDataset], catalogs: Catalogs, *, today: str) -> list[LicensedDataset]:
    """Return the datasets of a run, each with all licences that count for it.

    Args:
        run: The run file.
        datasets: As ``read_datasets`` returns them.
        catalogs: Terms and licences.
        today: ``YYYY-MM-DD``; a licence whose last day has passed is not known.
    """
    use = RunUse(commercial=run.purpose.commercial)
    return _members(datasets, {d.name: judge_dataset(d, catalogs, use, today=today) for d in datasets}, shares(tuple(datasets)))


def mixture_values(mixture: Mixture | None) -> dict[str, FactValue]:
    """Return the facts of a run that rules read."""
    if mixture is None:
        return {"license.compatible": TriState.UNKNOWN.value, "license.conflicts": ()}
    return {"license.compatible": mixture.compatible.value, "license.conflicts": tuple(_shown(mixture))}


def mixture_evidence(mixture: Mixture | None) -> Iterable[FindingEvidence]:
    """Yield what backs them."""
    for text in _shown(mixture) if mixture is not None else ():
        yield FindingEvidence(kind="license", digest=digest_of({"conflict": text}), summary=text)


def _shown(mixture: Mixture) -> Iterable[str]:
    conflicts = mixture.conflicts[:MOST_SHOWN]
    yield from (f"{c.outcome} {c.use}: {' and '.join(c.datasets[:3])}: {c.text}" for c in conflicts)
    rest = len(mixture.conflicts) + mixture.conflicts_unlisted - len(conflicts)
    if rest:
        yield f"and {rest} conflicts more: provenance licenses combine --run"


def read_datasets(run: Run, units: UnitOfWork) -> tuple[JudgedDataset, ...]:
    """Return the datasets of a run with all they are made of, as the registry knows them; no file is looked at."""
    with units.read() as registry:
        tracer = Tracer(registry)
        return tuple(_read(named, find_version(registry, named.dataset), tracer) for named in run.data)


def _read(named: RunData, version: DatasetVersion | None, tracer: Tracer) -> JudgedDataset:
    name = named.dataset.partition("@")[0]
    if version is None:
        return JudgedDataset(named=named, name=name, version=None)
    found = tracer.trace(version).whole
    shards = tuple(JudgedShard(checked=CheckedShard(shard=s, state=ShardState.MISSING, reason=_NOT_LOOKED_AT), outcome=None) for s in version.shards)
    return JudgedDataset(
        named=named,
        name=name,
        version=version,
        shards=shards,
        related=tuple(a.dataset for a in found.ancestors),
        unknown_ancestors=found.unknown,
        ancestors=found.ancestors,
        generated=found.generated,
    )
