"""Audit records as the evidence keeps them."""

from __future__ import annotations

import json
from typing import Final

from provenance.errors import WireFormatError
from provenance.model.audit import AuditRecord
from provenance.model.wire import read_value

AUDIT_SUFFIX: Final = ".audit.json"


def read_audit(raw: bytes, *, where: str) -> AuditRecord:
    """Return the record that kept bytes hold.

    Raises:
        WireFormatError: If they cannot be read; the message says where they are.
    """
    try:
        return read_value(AuditRecord, json.loads(raw), where=where)
    except (ValueError, RecursionError) as err:
        raise WireFormatError(f"{where}: cannot be read: {err}") from err
