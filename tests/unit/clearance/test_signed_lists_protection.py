"""An unsigned revocation list beside the system's trust file must be as hard to change as that file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.clearance import signed_lists
from provenance.clearance.revocation import RevocationList, revocation_bytes
from provenance.clearance.trust import RevocationSource
from provenance.errors import TrustFileError
from tests.fakes.clearances import NOW, sample_trust


def test_an_unsigned_list_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "trust.json"
    monkeypatch.setattr(signed_lists, "SYSTEM_TRUST", system)
    file = tmp_path / "revoked.json"
    file.write_bytes(revocation_bytes(RevocationList(issued=NOW, keys=(), clearances=())))
    file.chmod(0o666)
    trust = replace(sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=60)), source=str(system))
    with pytest.raises(TrustFileError, match="is not signed and cannot be relied on"):
        signed_lists.load_revocations(trust)
    elsewhere = replace(trust, source=str(tmp_path / "given.json"))
    assert signed_lists.load_revocations(elsewhere) is not None
