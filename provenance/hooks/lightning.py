"""Lightning's ``Trainer`` of the package ``lightning``: ``Trainer(..., callbacks=[ProvenanceCallback(...)])``, or nothing at all.

Lightning asks ``configured_callbacks`` by itself (entry point ``lightning.pytorch.callbacks_factory``): where the workspace or the system configures a gate,
every ``Trainer`` is under it, without a line in the script.
"""

from __future__ import annotations

from provenance.hooks import lightning_events
from provenance.hooks.lightning_events import LightningEvents

try:
    from lightning.pytorch.callbacks import Callback
except ImportError as err:
    raise ImportError("provenance.hooks.lightning needs the lightning package: pip install 'provenance-audit[lightning]'") from err


class ProvenanceCallback(LightningEvents, Callback):
    """Lets a ``lightning.pytorch.Trainer`` start only under a clearance that holds for the bytes on disk, on data that were cleared."""


def configured_callbacks() -> list[ProvenanceCallback]:
    """Return what Lightning adds to every ``Trainer``: one callback where a gate is configured. Errors are those of the gate."""
    return lightning_events.configured_callbacks(ProvenanceCallback)
