"""A user's brand on a page: name, contact line, the colour of one line, and a logo as bytes inside the page."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from provenance.errors import ReportError
from provenance.model.report_look import Brand

LARGEST_LOGO_BYTES = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 24
_SHOWN_HEIGHT_PX, _WIDEST_PX = 40, 240


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBrand:
    """What templates see of a brand; empty text where nothing is set."""

    name: str
    contact: str
    logo: Markup
    """An ``img`` element with the picture inside, or nothing."""


def shown_brand(brand: Brand) -> ShownBrand:
    """Return a brand as templates see it.

    Raises:
        ReportError: If the logo cannot be read, is no PNG, or is too large.
    """
    return ShownBrand(name=brand.name, contact=brand.contact, logo=Markup() if brand.logo is None else _logo(brand.logo, brand.name))


def brand_style(brand: Brand) -> str:
    """Return the style sheet's end that sets the brand's colour; nothing else can be in it, since ``Brand`` checked it."""
    return f"\n.page {{ --brand: {brand.color}; }}\n" if brand.color else ""


def _logo(path: Path, name: str) -> Markup:
    """Return a PNG inside an element. SVG is refused: it can hold scripts and links, and a page holds none that is not ours."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_LOGO_BYTES + 1)
    except OSError as err:
        raise ReportError(f"logo {path}: cannot be read: {err.strerror or err}", hint="see [report] brand in provenance.toml") from err
    if len(raw) > LARGEST_LOGO_BYTES:
        raise ReportError(f"logo {path}: larger than {LARGEST_LOGO_BYTES:,} bytes", hint="save a smaller PNG")
    if not raw.startswith(_PNG) or raw[12:16] != b"IHDR" or len(raw) < _HEADER_BYTES:
        raise ReportError(f"logo {path}: not a PNG picture", hint="save it as PNG: an SVG can hold scripts, and other formats are not read")
    width, height = struct.unpack(">II", raw[16:24])
    if not width or not height:
        raise ReportError(f"logo {path}: a picture without size")
    shown = max(1, min(_WIDEST_PX, width * _SHOWN_HEIGHT_PX // height))
    source = f"data:image/png;base64,{base64.b64encode(raw).decode()}"
    return Markup('<img class="logo" alt="{}" width="{}" height="{}" src="{}">').format(
        name or "logo", shown, min(_SHOWN_HEIGHT_PX, shown * height // width or 1), source
    )
