"""The drawing of lineage: one file that runs nothing, collapsed where it is large, with every dataset in it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from provenance.model.lineage import LineageEdge, LineageGraph, LineageNode
from provenance.report.lineage import MAX_DRAWN, draw_lineage
from tests.fakes import values

NASTY = "</text><script>alert(1)</script>&\"'\u202e\x1b[31m\x00\ud800"


def node(name: str, depth: int, *, license_text: str = "MIT", registered: bool = True) -> LineageNode:
    return LineageNode(name=name, root_digest=values.digest(1), registered=registered, license=license_text, depth=depth, terms=(name,))


def graph(sources: int, *, name: str = "mix", licenses: tuple[str, ...] = ("MIT",)) -> LineageGraph:
    asked = node(name, 0)
    above = tuple(node(f"source-{i}", -1, license_text=licenses[i % len(licenses)]) for i in range(sources))
    edges = tuple(LineageEdge(source=n.key, target=asked.key, transform="mix", tool=name) for n in above)
    return LineageGraph(root=asked.key, nodes=(*above, asked), edges=edges)


def boxes(drawing: str) -> int:
    return sum(e.tag.endswith("rect") for e in ET.fromstring(drawing).iter())


@pytest.mark.parametrize("sources", [0, 1, 5, MAX_DRAWN - 1])
def test_every_dataset_is_drawn_while_there_are_few(sources: int) -> None:
    assert boxes(draw_lineage(graph(sources))) == sources + 1


def test_many_datasets_are_drawn_together_and_none_is_lost() -> None:
    drawing = draw_lineage(graph(500, licenses=("MIT", "CC0-1.0", "UNKNOWN")))
    assert boxes(drawing) == 4
    text = " ".join(ET.fromstring(drawing).itertext())
    assert sum(map(int, re.findall(r"(\d+): source", text))) == 500
    assert "licence not known" in text
    assert "comes from 500 dataset versions" in text


def test_hostile_names_stay_text() -> None:
    drawing = draw_lineage(graph(2, name=NASTY, licenses=(NASTY,)))
    root = ET.fromstring(drawing)
    assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {"svg", "title", "style", "defs", "marker", "path", "text", "g", "rect"}
    assert [k for e in root.iter() for k in e.attrib if k.startswith("on") or "href" in k] == []
    assert not set("\u202e\x1b\x00\ud800") & set(drawing)
    assert "url(" not in drawing.replace("url(#tip)", "")


def test_a_circle_and_a_lonely_dataset_are_drawn() -> None:
    a, b = node("a", 0), node("b", -1, registered=False)
    edges = (LineageEdge(source=b.key, target=a.key, transform="mix"), LineageEdge(source=a.key, target=b.key, transform="declared"))
    assert boxes(draw_lineage(LineageGraph(root=a.key, nodes=(b, a), edges=edges, cut=True))) == 2
    assert "none that is recorded" in draw_lineage(LineageGraph(root=a.key, nodes=(a,), edges=()))
