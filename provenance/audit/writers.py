"""Whether a model wrote the text of one dataset, by its own facts alone."""

from __future__ import annotations

from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, SourceKind

LABEL = "label"
"""Role of a model that wrote no text."""


def written_by_model(dataset: Dataset) -> TriState | None:
    """Tell whether a model wrote text of a dataset; ``None`` where models only labelled it, which says nothing of the text."""
    if any(g.role != LABEL for g in dataset.generators) or dataset.source.kind is SourceKind.SYNTHETIC:
        return TriState.YES
    return None if dataset.generators else dataset.synthetic
