"""A store in a temporary folder, and matchers over what a test puts into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.params import MatchParams
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import PlainReference


@pytest.fixture
def store(tmp_path: Path) -> ReferenceStore:
    return ReferenceStore(tmp_path / "references")


@pytest.fixture
def matcher_over(store: ReferenceStore) -> Callable[..., CascadeMatcher]:
    """Index references by set and kind, and open a matcher over them."""

    def build(*references: PlainReference, params: MatchParams | None = None, one_in: int | None = None) -> CascadeMatcher:
        names = []
        for kind in ReferenceKind:
            members = [r for r in references if r.record.kind is kind]
            if members:
                store.add(kind.value, members, kind=kind, one_in=one_in)
                names.append(kind.value)
        return open_matcher(store, names, params)

    return build
