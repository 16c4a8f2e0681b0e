"""Whether a model wrote the text of one dataset, by its own facts alone."""

from __future__ import annotations

from provenance.model.absence import TriState
from provenance.model.dataset import Dataset


def written_by_model(dataset: Dataset) -> TriState | None:
    """Tell whether a model wrote text of a dataset; ``None`` where models labelled it and nothing else is said, so that what it comes from tells."""
    if dataset.declares_writer:
        return TriState.YES
    return None if dataset.generators and dataset.synthetic is TriState.UNKNOWN else dataset.synthetic
