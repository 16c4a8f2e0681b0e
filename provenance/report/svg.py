"""Charts to inline SVG: rendered offline by vl-convert, then rebuilt from an allowlist, so that no byte of it can load, run or style anything.

The rebuilt tree has presentation attributes only, no ids, no fonts (the page's own font applies) and no colours: a chart is drawn in reserved colours that
become CSS variables here, so that one SVG serves light, dark and print.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

import altair as alt
import vl_convert
from markupsafe import Markup

from provenance.errors import ReportError

FONT_PX = 12
"""Of all chart text."""
SERIES = 6
"""Slots of the palette for named slices; later slices are merged by the caller."""
_RESERVED: dict[str, str] = {f"#0a0b{i:02x}": f"var(--s{i})" for i in range(1, SERIES + 1)}
_RESERVED |= {f"#0a0c{i:02x}": f"var(--on-s{i})" for i in range(1, SERIES + 1)}
_RESERVED |= {f"#0a0d{i:02x}": f"var(--h{i})" for i in range(10)}
_RESERVED |= {
    "#0a0e01": "var(--unknown)",
    "#0a0e02": "var(--on-unknown)",
    "#0a0e03": "url(#hatch)",
    "#0a0e04": "var(--ink)",
    "#0a0e05": "var(--soft)",
    "#0a0e06": "var(--line)",
    "#0a0e07": "var(--deny)",
    "#0a0e08": "var(--paper)",
    "#0a0e09": "var(--allowed)",
    "#0a0e0a": "var(--review)",
}
_BY_VARIABLE = {v: k for k, v in _RESERVED.items()}
_ELEMENTS = {"svg", "g", "path", "line", "rect", "text"}
_ATTRIBUTES = (
    "d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "opacity",
    "fill-opacity", "text-anchor", "font-size", "font-weight", "viewBox",
)  # fmt: skip
_SAFE_VALUE = re.compile(r"[-\w.,()#%\s]*")
_HIDDEN = {"none", "transparent"}


def color(name: str) -> str:
    """Return the reserved colour that becomes the CSS variable ``name``, or the hatch pattern for ``hatch``."""
    return _BY_VARIABLE["url(#hatch)" if name == "hatch" else f"var(--{name})"]


def marks(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a chart over inline rows, to which a mark and encodings are added."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def linear(low: float, high: float) -> alt.Scale:
    """Return a linear scale over exactly this domain."""
    return alt.Scale(domain=[low, high], nice=False, zero=False, type="linear")


def frame(chart: Any, *, width: int, height: int, padding: tuple[int, int, int, int]) -> Any:
    """Return a layered chart with its outer size and our look; ``padding`` is top, right, bottom, left, and nothing is laid out by measuring text."""
    top, right, bottom, left = padding
    framed = chart.properties(
        width=width - left - right, height=height, autosize="none", padding={"top": top, "right": right, "bottom": bottom, "left": left}
    )
    axis = {
        "labelFontSize": FONT_PX,
        "labelColor": color("soft"),
        "labelLimit": 0,
        "labelOverlap": False,
        "labelBound": False,
        "tickColor": color("line"),
        "domainColor": color("line"),
        "gridColor": color("line"),
        "labelPadding": 4,
        "titlePadding": 0,
    }
    return framed.configure(background="transparent").configure_view(stroke=None).configure_axis(**axis)


_NOT_XML = re.compile(r"\\uff(?:fe|ff)")
"""How JSON writes what XML cannot hold: the drawing library ends the whole process over it."""


def draw(chart: Any, *, label: str, css_class: str) -> Markup:
    """Return a chart as inline SVG whose accessible name is ``label``.

    Args:
        chart: Drawn in colours of ``color`` and with fixed padding: text is never measured, so the layout does not depend on installed fonts.
        label: What the chart says, one sentence.
        css_class: ``wide`` or ``narrow``: which screens show it.

    Raises:
        ReportError: If the chart cannot be drawn.
    """
    try:
        source = vl_convert.vegalite_to_svg(_NOT_XML.sub(r"\\ufffd", json.dumps(chart.to_dict(), sort_keys=True)))
        root = ET.fromstring(source)  # noqa: S314 - vl-convert's own output, without entities
    except (ValueError, ET.ParseError) as err:
        raise ReportError(f"chart {label[:60]!r}: cannot be drawn: {str(err)[:200]}") from err
    width, height = root.get("width", "0"), root.get("height", "0")
    body = "".join(_rebuild(child) for child in root)
    head = (
        f'<svg class="chart {css_class}" role="img" aria-label={quoteattr(label)} width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    )
    return Markup(head + body + "</svg>")  # noqa: S704 - every part comes from the allowlist or is escaped


def _rebuild(node: ET.Element) -> str:
    name = node.tag.rpartition("}")[2]
    if name not in _ELEMENTS or node.get("display") == "none" or node.get("d") == "":
        return ""
    inner = "".join(_rebuild(child) for child in node)
    if name == "text":
        inner += escape(node.text or "")
    if name == "g" and not inner:
        return ""
    if name == "path" and node.get("class") == "background" and node.get("fill") is None and node.get("stroke") is None:
        return ""
    tip = node.get("aria-label") if node.get("aria-roledescription") in {"bar", "rect mark"} else None
    if tip:
        inner = f"<title>{escape(tip)}</title>{inner}"
    attributes = "".join(_attribute(key, node.get(key)) for key in _ATTRIBUTES)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _attribute(key: str, value: str | None) -> str:
    if value is None or (key in {"opacity", "stroke-width"} and value == "1") or not _SAFE_VALUE.fullmatch(value):
        return ""
    if key in {"fill", "stroke"}:
        value = _RESERVED.get(value, "none" if value in _HIDDEN else "currentColor")
    return f' {key}="{_shortened(value)}"' if key in {"d", "transform"} else f' {key}="{value}"'


def _shortened(value: str) -> str:
    """Return path data with at most two decimals: nobody sees more, and a heat map halves."""
    return re.sub(r"(\.\d\d)\d+", r"\1", value)
