"""The lineage around a dataset as a graph to be drawn: datasets and versions as nodes, derivations as edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provenance.audit.lineage import ANY, DECLARED, Part, Tracer
from provenance.model.absence import Absence
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.lineage import Derivation, LineageEdge, LineageGraph, LineageNode
from provenance.ports import Registry

Key = tuple[str, str]
MAX_NODES = 2_000
"""Nodes of one graph: beyond it nobody reads it, and the graph says that it is cut."""


def build_graph(registry: Registry, version: DatasetVersion, *, up: bool = True, down: bool = True, depth: int | None = None) -> LineageGraph:
    """Return what a version came from (``up``) and what was made of it (``down``), to a depth or all of it."""
    builder = _Builder(registry)
    root = builder.add(version.dataset.name, version.root_digest, 0)
    for wanted, step in ((up, -1), (down, 1)):
        if wanted:
            builder.walk(root, step=step, depth=depth)
    nodes = sorted(builder.nodes.values(), key=lambda n: (n.depth, n.name, n.root_digest))
    edges = sorted(builder.edges, key=lambda e: (e.target, e.source, e.transform, e.tool))
    elsewhere = builder.versions_named(version.dataset.name) - {key[1] for key in builder.nodes if key[0] == version.dataset.name}
    return LineageGraph(root=root, nodes=tuple(nodes), edges=tuple(dict.fromkeys(edges)), cut=builder.cut, elsewhere=tuple(sorted(elsewhere)))


class _Builder:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tracer = Tracer(registry)
        self.nodes: dict[Key, LineageNode] = {}
        self.edges: list[LineageEdge] = []
        self.cut = False

    def add(self, name: str, root: str, depth: int) -> Key:
        """Add a node where it is new, and return its key: a part of any version stands for the newest one."""
        version = self._tracer.version(Part(name=name, root_digest=root))
        key = (name, version.root_digest if version is not None else root)
        if key not in self.nodes:
            facts = version.dataset if version is not None else Dataset(name=name)
            terms = dict.fromkeys([*facts.terms, *(f"{g.provider} {g.model}" for g in facts.generators)])
            self.nodes[key] = LineageNode(
                name=name,
                root_digest=key[1],
                registered=version is not None,
                license=facts.license.effective,
                terms=tuple(terms),
                synthetic=facts.synthetic,
                depth=depth,
            )
        return key

    def versions_named(self, name: str) -> set[str]:
        """Return the versions of a dataset that derivations name, on either side."""
        made = {s.root_digest for s in self._tracer.steps(name)}
        used = {i.root_digest for s in self._registry.derivations_from((name,)) for i in s.inputs if i.dataset == name}
        return (made | used) - {ANY}

    def walk(self, start: Key, *, step: int, depth: int | None) -> None:
        """Go from a node over all generations, breadth first."""
        layer, level, seen = [start], 0, {start}
        while layer:
            level += 1
            following: list[Key] = []
            for key in layer:
                for edge, other in self._ways(key, step * level, up=step < 0, draw=depth is None or level <= depth):
                    self.edges.append(edge)
                    if other not in seen:
                        seen.add(other)
                        following.append(other)
            layer = following

    def _ways(self, key: Key, depth: int, *, up: bool, draw: bool) -> Iterator[tuple[LineageEdge, Key]]:
        for edge in self._sources(key) if up else self._targets(key):
            name, root = edge.source if up else edge.target
            if not draw or len(self.nodes) >= MAX_NODES:
                self.cut = True
                return
            other = self.add(name, root, depth)
            source, target = (other, key) if up else (key, other)
            yield _moved(edge, source, target), other

    def _sources(self, key: Key) -> Iterator[LineageEdge]:
        name, root = key
        steps = self._tracer.steps(name)
        exact = [s for s in steps if s.root_digest == root]
        for step in exact or steps:
            yield from _edges(step, key)
        told = {i.dataset for s in exact for i in s.inputs}
        version = self._tracer.version(Part(name=name, root_digest=root))
        for said in version.dataset.derived_from if version is not None else ():
            parent, _, pin = said.partition("@")
            if parent not in told:
                yield LineageEdge(source=(parent, pin or ANY), target=key, transform=DECLARED, any_version=not pin)

    def _targets(self, key: Key) -> Iterator[LineageEdge]:
        name, root = key
        newest = self._tracer.version(Part(name=name))
        is_newest = newest is not None and newest.root_digest == root
        for step in self._registry.derivations_from((name,)):
            for edge in _edges(step, (step.output, step.root_digest)):
                if edge.source[0] == name and (edge.source[1] == root or (edge.any_version and is_newest)):
                    yield edge
        for child in self._registry.declared_children(name):
            version = self._tracer.version(Part(name=child))
            told = {i.dataset for s in self._tracer.steps(child) if version is not None and s.root_digest == version.root_digest for i in s.inputs}
            if name not in told:
                yield LineageEdge(source=key, target=(child, ANY), transform=DECLARED, any_version=True)


def _edges(step: Derivation, target: Key) -> Iterable[LineageEdge]:
    for part in step.inputs:
        yield LineageEdge(
            source=(part.dataset, part.root_digest),
            target=target,
            transform=step.transform.value,
            tool=step.tool if step.tool_version == Absence.NOT_STATED.value else f"{step.tool} {step.tool_version}",
            source_shards=len(part.shards) or None,
            target_shards=len(step.shards) or None,
            any_version=part.root_digest == ANY,
        )


def _moved(edge: LineageEdge, source: Key, target: Key) -> LineageEdge:
    return LineageEdge(
        source=source,
        target=target,
        transform=edge.transform,
        tool=edge.tool,
        source_shards=edge.source_shards,
        target_shards=edge.target_shards,
        any_version=edge.any_version,
    )
