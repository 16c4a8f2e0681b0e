"""The metadata that is shipped for Datasette names what there is."""

from __future__ import annotations

import json

from provenance.registry.views import VIEWS
from tests.conftest import ROOT


def test_datasette_is_told_of_every_view_and_of_real_columns() -> None:
    tables = json.loads((ROOT / "docs" / "datasette.json").read_text())["databases"]["registry"]["tables"]
    assert tables.keys() == VIEWS.keys()
    for name, told in tables.items():
        assert [c for c in told.get("columns", {}) if c not in VIEWS[name]] == []
