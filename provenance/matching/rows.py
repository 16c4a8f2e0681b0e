"""Some rows of a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from provenance.ports import TextBatch


def take_rows(batch: TextBatch, mask: NDArray[np.bool_]) -> TextBatch:
    """Return some rows of a batch as a batch of their own, without their tokens."""
    if mask.all():
        return replace(batch, tokens=None)
    rows = np.flatnonzero(mask)
    lengths = np.diff(batch.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    parts = [batch.data[batch.offsets[row] : batch.offsets[row + 1]] for row in rows.tolist()]
    data = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
    data.setflags(write=False)  # as the data of every batch: kernels are compiled for one kind of array
    ids = [batch.doc_ids[row] for row in rows.tolist()]
    return TextBatch(data, offsets, batch.record[rows], batch.line[rows], batch.field_code[rows], batch.field_names, ids)
