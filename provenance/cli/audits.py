"""Finding the audit record that a command is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.audit.kept_audits import AUDIT_SUFFIX
from provenance.cli.context import CommandContext
from provenance.errors import ConfigError, InputError, NotRegisteredError, NoWorkspaceError, ReportError, WireFormatError
from provenance.model.audit import AuditRecord
from provenance.report.record_json import read_record

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAudit:
    """An audit record, and whether a workspace vouches for it."""

    record: AuditRecord
    is_compared: bool
    """Whether the workspace keeps this very record; of a file that no workspace knows, nobody can tell."""


def load_audit(ctx: CommandContext, name: str) -> AuditRecord:
    """Return an audit record by id (or its first digits), by file or report folder, or the ``latest`` one of the workspace.

    Raises:
        NotRegisteredError: If there is no such audit.
        WireFormatError: If a file is not an audit record, or another one than the workspace keeps of that id.
    """
    return find_audit(ctx, name).record


def find_audit(ctx: CommandContext, name: str) -> LoadedAudit:
    """Return an audit record, and whether the workspace keeps it; arguments and errors are those of ``load_audit``."""
    path = ctx.path(Path(name))
    if name != LATEST and path.is_dir() and (path / "audit.json").is_file():
        path = path / "audit.json"
    if name == LATEST or not path.is_file():
        return LoadedAudit(record=registered_audit(ctx.workspace(), name), is_compared=True)
    record = parse_audit(path.read_bytes(), where=str(path))
    return LoadedAudit(record=record, is_compared=_is_kept(ctx, record, where=path))


def _is_kept(ctx: CommandContext, record: AuditRecord, *, where: Path) -> bool:
    """Tell whether the workspace keeps a record that was read from a file. The break-glass clearances in a report's record are told by the log, not kept.

    Raises:
        WireFormatError: If the workspace keeps another record of this id.
    """
    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return False
    with workspace.units.read() as registry:
        digests = [row[4] for row in registry.audits() if row[0] == record.id]
    wanted = replace(record, broken_glass=())
    kept = (parse_audit(workspace.evidence.get_bytes(digest, suffix=AUDIT_SUFFIX), where=f"audit {record.id}") for digest in digests)
    if any(one == wanted for one in kept):
        return True
    if digests:
        raise WireFormatError(
            f"{where}: the workspace keeps another record of audit {record.id.removeprefix('sha256:')[:12]}: the file was changed",
            hint=f"use the record that is kept: {record.id.removeprefix('sha256:')[:6]} in the place of the file",
        )
    return False


def as_of_now(ctx: CommandContext, record: AuditRecord) -> AuditRecord:
    """Return a record as reports show it: with the break-glass clearances of its run, those that the record itself tells of included.

    A record read from a file where there is no workspace is returned as it is.
    """
    try:
        workspace = ctx.workspace()
    except ConfigError:
        return record
    now = workspace.as_of_now(record)
    told = [*record.broken_glass, *(one for one in now.broken_glass if one not in record.broken_glass)]
    return replace(record, broken_glass=tuple(sorted(told, key=lambda one: one.at)))


def registered_audit(workspace: Workspace, name: str) -> AuditRecord:
    """Return an audit record that the registry holds, read by its recorded digest.

    Raises:
        NotRegisteredError: If there is no such audit.
    """
    return parse_audit(workspace.evidence.get_bytes(_find(workspace, name), suffix=AUDIT_SUFFIX), where=f"audit {name}")


def _find(workspace: Workspace, name: str) -> str:
    wanted = name.removeprefix("sha256:").lower()
    with workspace.units.read() as registry:
        audits = registry.audits()
    if name == LATEST and audits:
        return audits[0][4]
    found: dict[str, str] = {}
    for row in audits:  # newest first: of one id the last record counts
        if row[0].removeprefix("sha256:").startswith(wanted):
            found.setdefault(row[0], row[4])
    if len(found) > 1:
        raise InputError(f"audit {name!r} is not unique: {len(found)} ids begin so", hint="give more digits")
    if not found:
        raise NotRegisteredError(
            f"no audit {name!r} in this workspace" if audits else "no audit in this workspace yet", hint="run: provenance audit run.yaml"
        )
    return next(iter(found.values()))


def parse_audit(raw: bytes, *, where: str) -> AuditRecord:
    """Return the audit record that JSON bytes hold.

    Raises:
        WireFormatError: If they hold none that can be relied on.
    """
    try:
        return read_record(raw, where=where)
    except ReportError as err:
        raise WireFormatError(str(err), hint=err.hint) from err
