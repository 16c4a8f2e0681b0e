"""What somebody thinks of doing so that a run is cleared: the remedy file, whose effect can be asked for before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.model.absence import TriState
from provenance.model.finding import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetWeight:
    """A dataset's share of the sampled tokens."""

    dataset: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseObtained:
    """A licence that a person would conclude for a dataset."""

    dataset: str
    license: str
    """SPDX expression or ``LicenseRef-…`` of the catalogue."""
    by: str
    """Who would conclude it."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What would be different in the run file."""

    model_name: str = ""
    """Empty = as it is."""
    release_weights: str = ""
    """``open`` or ``closed``; empty = as it is."""
    commercial: TriState | None = None
    """``None`` = as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyPlan:
    """A parsed remedy file."""

    leave_out: tuple[str, ...] = ()
    """Datasets that would not be in the run."""
    weights: tuple[DatasetWeight, ...] = ()
    """Of every dataset that is left, or none."""
    drop: tuple[str, ...] = ()
    """Rules: the records behind their open findings would be left out, as ``remedy drop`` does."""
    licenses: tuple[LicenseObtained, ...] = ()
    run: RunChange = RunChange()
    waivers: tuple[Waiver, ...] = ()
    digest: str = ""
    """``sha256:<hex>`` of what the file says."""
