"""The table ``provenance`` of an Axolotl configuration, for Axolotl's validation. Needs pydantic, which Axolotl brings."""

from __future__ import annotations

from typing import Any

try:
    from pydantic import BaseModel
except ImportError as err:
    raise ImportError("provenance.hooks.axolotl_arguments is loaded by Axolotl, which brings pydantic: pip install axolotl") from err


class ProvenanceArguments(BaseModel):
    """What Axolotl lets stand in its configuration; the plug-in reads and judges it itself, before Axolotl does."""

    provenance: dict[str, Any] | None = None
    """What ``[gate]`` of a workspace may hold."""
