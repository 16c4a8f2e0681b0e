"""Templates and brand are the user's: blocks in place of ours, one clear error for what is wrong, and no way round the content security policy."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from provenance.config import load_settings
from provenance.errors import ConfigError, ReportError
from provenance.model.report_look import Brand, ReportLook
from provenance.report.html import render_html
from provenance.report.portfolio import render_portfolio
from tests.fakes import records
from tests.fakes.portfolios import full_portfolio

SECTIONS = ("findings", "datasets", "overlap", "terms", "lineage", "obligations", "waivers", "trained", "method", "trail", "sign_off")
HEAD_BLOCKS = ("title", "kicker", "verdict", "todo", "facts", "figures", "composition", "contents", "more_sections", "foot")


def picture() -> bytes:
    """Return a PNG of one pixel (RFC 2083)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\1\2\3")) + chunk(b"IEND", b"")


def with_block(folder: Path, name: str, body: str, *, template: str = "audit.html.j2") -> ReportLook:
    text = f'{{% extends "shipped/{template}" %}}\n{{% block {name} %}}{body}{{% endblock %}}\n'
    (folder / template).write_text(text, encoding="utf-8")
    return ReportLook(templates=folder)


def with_blocks(folder: Path, names: Sequence[str], template: str) -> ReportLook:
    blocks = "\n".join(f"{{% block {name} %}}<p>ours: {name}</p>{{% endblock %}}" for name in names)
    (folder / template).write_text(f'{{% extends "shipped/{template}" %}}\n{blocks}\n', encoding="utf-8")
    return ReportLook(templates=folder)


def test_every_section_is_a_block_that_a_user_replaces(tmp_path: Path) -> None:
    page = render_html(records.empty_record(), look=with_blocks(tmp_path, [*SECTIONS, *HEAD_BLOCKS], "audit.html.j2")).decode()
    for name in (*SECTIONS, *HEAD_BLOCKS):
        assert page.count(f"<p>ours: {name}</p>") == 1, name
    assert "<section" not in page


def test_the_portfolio_has_blocks_too(tmp_path: Path) -> None:
    names = ("title", "models", "trend", "matrix", "waivers", "terms", "contents", "kicker", "verdict", "more_sections", "foot")
    page = render_portfolio(full_portfolio(), links={}, look=with_blocks(tmp_path, names, "portfolio.html.j2")).decode()
    for name in names:
        assert page.count(f"<p>ours: {name}</p>") == 1, name
    assert "<section" not in page


def test_a_block_may_keep_ours_and_use_our_macros(tmp_path: Path) -> None:
    look = with_block(tmp_path, "signatures", "{{ super() }}<p>{{ icon('deny') }} Ask legal@example.org.</p>")
    page = render_html(records.empty_record(), look=look).decode()
    assert '<div class="sign">' in page
    assert "Ask legal@example.org" in page


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ record.no_such_field }}", "no_such_field"),
        ("{{ nothing_of_this_name }}", "nothing_of_this_name"),
        ("{{ record.run.waivers }}", "blank"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' + 1 }}", "concatenate"),
        ("{{ record.totals|no_such_filter }}", "no_such_filter"),
        ("{{ oops", "end of print statement"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% for i in range(10**9) %}{% endfor %}", "range"),
        ('{% include "other.html.j2" %}', "other.html.j2"),
    ],
)
def test_a_template_that_is_wrong_is_one_error_that_names_file_and_line(tmp_path: Path, body: str, said: str) -> None:
    look = with_block(tmp_path, "method", f"\n{body}\n")
    with pytest.raises(ReportError) as raised:
        render_html(records.empty_record(), look=look)
    message = str(raised.value)
    assert said.lower() in message.lower()
    assert f"{tmp_path / 'audit.html.j2'}, line 3" in message or f"{tmp_path / 'audit.html.j2'}, line 4" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<script>1</script></head></html>',
        "<script>1</script>{% include 'shipped/audit.html.j2' %}",
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><!-- <meta http-equiv="Content-Security-Policy" content="{{ content_security_policy }}"> -->',
        "plain",
    ],
)
def test_a_page_that_leaves_the_policy_out_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.html.j2").write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match="does not begin with the content security policy"):
        render_html(records.empty_record(), templates=tmp_path)


def test_what_is_no_template_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="not found"):
        render_html(records.empty_record(), templates=tmp_path / "none")
    (tmp_path / "audit.html").write_text("a name without .j2")
    with pytest.raises(ReportError, match="holds no template of ours"):
        render_html(records.empty_record(), templates=tmp_path)
    (tmp_path / "audit.js").write_text("alert(1)")
    with pytest.raises(ReportError, match="script of a page cannot be replaced"):
        render_html(records.empty_record(), templates=tmp_path)


def test_a_brand_shows_name_contact_colour_and_logo(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(picture())
    brand = Brand(name="Example <Ltd>", contact="compliance@example.org", color="#1a5fb4", logo=tmp_path / "logo.png")
    page = render_html(records.empty_record(), look=ReportLook(brand=brand)).decode()
    assert "<b>Example &lt;Ltd&gt;</b>" in page
    assert "compliance@example.org" in page
    assert "--brand: #1a5fb4;" in page
    assert 'src="data:image/png;base64,iVBOR' in page
    assert page == render_html(records.empty_record(), look=ReportLook(brand=brand)).decode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100_000), "larger than 100,000 bytes"),
        (b"", "not a PNG"),
        (None, "cannot be read"),
    ],
)
def test_a_logo_that_is_no_small_png_is_refused(tmp_path: Path, raw: bytes | None, said: str) -> None:
    logo = tmp_path / "logo.png"
    if raw is not None:
        logo.write_bytes(raw)
    with pytest.raises(ReportError, match=said):
        render_html(records.empty_record(), look=ReportLook(brand=Brand(logo=logo)))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('brand = {color = "red"}', "#1a5fb4"),
        ('brand = {color = "#fff; } body { background: url(//evil)"}', "#1a5fb4"),
        ('brand = {name = "a\\nb"}', "one line"),
        ('brand = {name = "\\u202Egnp"}', "one line"),
        ('brand = {font = "serif"}', "cannot hold 'font'"),
        ('brand = "us"', "must be a table"),
        ("brand = {name = 1}", "must be text"),
        ('template = "x"', "cannot hold 'template'"),
        ("templates = 1", "must be text"),
    ],
)
def test_settings_that_are_wrong_are_one_clear_error(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "provenance.toml").write_text(f"[report]\n{table}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"provenance\.toml") as raised:
        load_settings(tmp_path)
    assert said in str(raised.value)


def test_settings_name_templates_and_brand_below_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text('[report]\ntemplates = "ours"\nbrand = {name = "Example Ltd", color = "#abc", logo = "l.png"}\n')
    look = load_settings(tmp_path).look
    assert look == ReportLook(templates=tmp_path / "ours", brand=Brand(name="Example Ltd", color="#abc", logo=tmp_path / "l.png"))


def test_a_block_that_takes_the_place_of_none_of_ours_is_told_and_not_left_out(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"line 2: block 'todoo' takes the place of none of ours") as raised:
        render_html(records.empty_record(), look=with_block(tmp_path, "todoo", "x"))
    assert raised.value.hint == "did you mean 'todo'?"
    nested = with_block(tmp_path, "todo", "{% block mine %}<p>nested</p>{% endblock %}")
    assert "<p>nested</p>" in render_html(records.empty_record(), look=nested).decode()


@pytest.mark.parametrize(("name", "raw"), [("audit.html.j2", b"\xff\xfe"), ("macros.html.j2", b"{# \xe4 #}"), ("audit.css", b"/* \xe4 */")])
def test_a_template_that_is_not_utf_8_is_named(tmp_path: Path, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ReportError, match=rf"template {tmp_path / name}: not UTF-8"):
        render_html(records.empty_record(), templates=tmp_path)


def test_a_template_that_extends_itself_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "audit.html.j2").write_text('{% extends "audit.html.j2" %}')
    with pytest.raises(ReportError, match="without end; to change ours, begin with"):
        render_html(records.empty_record(), templates=tmp_path)
