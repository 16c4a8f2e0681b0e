"""Lightning's ``Trainer`` of the package ``pytorch_lightning``, which shares no class with ``lightning``: see ``provenance.hooks.lightning``.

Its entry point is ``pytorch_lightning.callbacks_factory``.
"""

from __future__ import annotations

from provenance.hooks import lightning_events
from provenance.hooks.lightning_events import LightningEvents

try:
    from pytorch_lightning.callbacks import Callback
except ImportError as err:
    raise ImportError("provenance.hooks.pytorch_lightning needs the pytorch_lightning package: pip install pytorch-lightning") from err


class ProvenanceCallback(LightningEvents, Callback):
    """Lets a ``pytorch_lightning.Trainer`` start only under a clearance that holds for the bytes on disk, on data that were cleared."""


def configured_callbacks() -> list[ProvenanceCallback]:
    """Return what Lightning adds to every ``Trainer``: one callback where a gate is configured. Errors are those of the gate."""
    return lightning_events.configured_callbacks(ProvenanceCallback)
