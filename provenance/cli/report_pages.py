"""What the commands that write report pages share: what is known beside a record, and how pages look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import NoWorkspaceError
from provenance.model.report_look import ReportLook
from provenance.report.beside import NOT_COMPARED, Beside

if TYPE_CHECKING:
    from provenance.audit.impact import IssuedClearance
    from provenance.bootstrap import Workspace
    from provenance.cli.audits import LoadedAudit
    from provenance.cli.context import CommandContext
    from provenance.model.audit import AuditRecord
    from provenance.model.lineage import LineageGraph
    from provenance.report.disclosure.values import Disclosure

_MOST_GRAPHS = 60
"""Datasets whose recorded lineage is drawn; of later ones what they say of themselves is."""


def known_beside(ctx: CommandContext, loaded: LoadedAudit) -> Beside:
    """Return what the workspace knows beside an audit record, nothing where there is no workspace, and whether it keeps the record."""
    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return Beside(is_compared=False)
    return replace(beside_of(workspace, loaded.record), is_compared=loaded.is_compared)


def beside_of(workspace: Workspace, record: AuditRecord) -> Beside:
    """Return what a workspace knows beside an audit record: runs that were made, lineage of its datasets, clearances of this audit."""
    with workspace.units.read() as registry:
        runs = tuple(registry.training_runs())
    return Beside(runs=runs, lineage=_lineage(workspace, record), clearances=_clearances(workspace, record))


def _lineage(workspace: Workspace, record: AuditRecord) -> tuple[LineageGraph, ...]:
    from provenance.audit.lineage import find_version
    from provenance.audit.lineage_graph import build_graph

    with workspace.units.read() as registry:
        named = [find_version(registry, f"{d.dataset.name}@{d.root_digest}") for d in record.datasets[:_MOST_GRAPHS]]
        return tuple(build_graph(registry, version, down=False) for version in named if version is not None)


def _clearances(workspace: Workspace, record: AuditRecord) -> tuple[IssuedClearance, ...]:
    from provenance.cli.issued import issued_clearances

    return tuple(c for c in reversed(issued_clearances(workspace)) if c.audit == record.id)


def look_of(ctx: CommandContext, templates: Path | None = None) -> ReportLook:
    """Return how pages look: as the workspace's settings say, with another folder of templates where one is given."""
    try:
        look = ctx.workspace().settings.look
    except NoWorkspaceError:
        look = ReportLook()
    return look if templates is None else ReportLook(templates=ctx.path(templates).absolute(), brand=look.brand)


def told_of(document: Disclosure, loaded: LoadedAudit) -> Disclosure:
    """Return a document that says where its record was compared with no workspace."""
    return document if loaded.is_compared else replace(document, notice=f"{document.notice} {NOT_COMPARED}")
