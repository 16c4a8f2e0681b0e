"""What the datasets of an audit come from, for documents that credit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.cli.context import CommandContext
from provenance.errors import NoWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.model.audit import AuditRecord
    from provenance.report.attribution import Ancestry


def known_ancestors(ctx: CommandContext, record: AuditRecord) -> Mapping[str, Sequence[Ancestry]] | None:
    """Return what each dataset of an audit comes from, by its name; ``None`` where there is no workspace to look in."""
    from provenance.audit.judged_origins import judged_version
    from provenance.audit.lineage import Tracer
    from provenance.report.attribution import Ancestry

    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return None
    found: dict[str, Sequence[Ancestry]] = {}
    with workspace.units.read() as registry:
        tracer = Tracer(registry)
        for summary in record.datasets:
            name = summary.dataset.name
            version = judged_version(registry, summary.dataset, summary.root_digest)
            if version is not None:
                found[name] = tuple(Ancestry(dataset=a.dataset, way=a.summary) for a in tracer.trace_whole(version).ancestors)
    return found
