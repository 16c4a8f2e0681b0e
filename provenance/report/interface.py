"""The seam of the report room: what every report format promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from provenance.model.audit import AuditRecord


class ReportFormat(Protocol):
    """One view of an audit record.

    Contract: pure – the same record gives the same bytes, on every machine and in every process; no clock, no network, no randomness. Everything that
    comes from a corpus is hostile and is escaped for the format. Nothing is left out silently: what does not fit is counted, and the reader is told where
    it stands.
    """

    @property
    def name(self) -> str:
        """What ``--format`` calls it, such as ``html``."""

    @property
    def file_name(self) -> str:
        """The file's name in a report folder, such as ``index.html``."""

    @property
    def suffix(self) -> str:
        """The file ending with its dot, such as ``.html``."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document.

        Raises:
            ReportError: If the record cannot be shown in this format.
        """


class ReportSet(Protocol):
    """A view of an audit record that is several files: one a table, or one a dataset. The contract is that of ``ReportFormat``."""

    @property
    def name(self) -> str:
        """What ``--format`` calls it, such as ``parquet``."""

    def file_names(self, record: AuditRecord) -> tuple[str, ...]:
        """Return the names of the files in a report folder."""

    def render(self, record: AuditRecord) -> Mapping[str, bytes]:
        """Return file name → document, of exactly ``file_names``.

        Raises:
            ReportError: If the record cannot be shown in this format.
        """
