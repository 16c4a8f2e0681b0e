"""Derivations: which shards came from which, by what transform. The edges of the lineage graph.

What is not said is the larger claim: a derivation that lists no shards is of all of them, and one that names no version of its input is of any version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from provenance.model.absence import Absence, TriState

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Transform(StrEnum):
    """What was done to the inputs."""

    FILTER = "filter"
    """Records were left out."""
    MIX = "mix"
    """Records of several inputs were put together."""
    TRANSLATE = "translate"
    """Text was put into another language."""
    GENERATE = "generate"
    """A model wrote text, with the inputs before it."""
    TOKENIZE = "tokenize"
    """Text became token ids."""
    DEDUPLICATE = "deduplicate"
    """Repeated records were left out."""
    LABEL = "label"
    """Labels or scores were added."""
    REWRITE = "rewrite"
    """Text was worded anew."""
    COPY = "copy"
    """The bytes are the same, or another form of the same records."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationInput:
    """Part of a dataset that something was made of."""

    dataset: str
    root_digest: str = Absence.UNKNOWN.value
    """The version, ``sha256:<hex>``, or ``UNKNOWN``: any version."""
    shards: tuple[str, ...] = ()
    """Digests of its shards that went in, sorted; empty = all."""

    def __post_init__(self) -> None:
        """Refuse what names no dataset or no digests."""
        if not self.dataset:
            raise ValueError("an input names a dataset")
        if self.root_digest != Absence.UNKNOWN.value:
            _check_digests((self.root_digest,))
        _check_digests(self.shards)

    @property
    def name(self) -> str:
        """Return it as one writes it: the dataset, and the version where one is named."""
        return self.dataset if self.root_digest == Absence.UNKNOWN.value else f"{self.dataset}@{self.root_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One step: inputs, transform, output."""

    output: str
    """Name of the dataset that was made."""
    root_digest: str
    """Its version, ``sha256:<hex>``."""
    shards: tuple[str, ...] = ()
    """Digests of its shards that this step made, sorted; empty = all."""
    inputs: tuple[DerivationInput, ...]
    transform: Transform
    tool: str = Absence.NOT_STATED.value
    tool_version: str = Absence.NOT_STATED.value
    parameters: str = Absence.NOT_STATED.value
    """As they were given to the tool."""
    note: str = ""
    at: str
    """When it was recorded, RFC 3339 UTC."""
    actor: str
    """Who recorded it."""

    def __post_init__(self) -> None:
        """Refuse what has no input or no output."""
        if not self.output or not self.inputs:
            raise ValueError("a derivation names the dataset it makes and at least one input")
        _check_digests((self.root_digest, *self.shards))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """A dataset version in a drawn graph."""

    name: str
    root_digest: str
    """``UNKNOWN`` where it is not registered and no version is named."""
    registered: bool
    license: str = Absence.UNKNOWN.value
    terms: tuple[str, ...] = ()
    """Terms that are named, and the generators."""
    synthetic: TriState = TriState.UNKNOWN
    depth: int = 0
    """Steps from the dataset that was asked for: below 0 for what it comes from, above 0 for what was made of it."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what names it."""
        return self.name, self.root_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """That one version came from another."""

    source: tuple[str, str]
    """Key of the node that went in."""
    target: tuple[str, str]
    """Key of the node that was made."""
    transform: str
    """``declared`` where the dataset only says that it is derived."""
    tool: str = Absence.NOT_STATED.value
    source_shards: int | None = None
    """Shards that went in; ``None`` = all."""
    target_shards: int | None = None
    """Shards that were made; ``None`` = all."""
    any_version: bool = False
    """Nobody says of which version of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageGraph:
    """What a dataset came from and what was made of it."""

    root: tuple[str, str]
    """Key of the node that was asked for."""
    nodes: tuple[LineageNode, ...]
    """Ordered by depth and name."""
    edges: tuple[LineageEdge, ...]
    cut: bool = False
    """More lies beyond the depth that was asked for."""
    elsewhere: tuple[str, ...] = ()
    """Root digests of other versions of the dataset asked for that derivations name: their lineage is not in this graph unless a way leads there."""


def _check_digests(digests: tuple[str, ...]) -> None:
    bad = next((d for d in digests if not _DIGEST.fullmatch(d)), None)
    if bad is not None:
        raise ValueError(f"expected sha256:<64 hex digits>, got {bad!r}")
    if len(digests) > 1 and len(set(digests)) != len(digests):
        raise ValueError("a digest is listed twice")
