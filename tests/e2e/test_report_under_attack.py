"""What a hostile corpus, template or folder brings is text or one clear error: nothing runs, nothing is fetched, nothing is silently blank."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from provenance.cli.main import run
from provenance.model.match import Span
from provenance.model.report_look import ReportLook
from provenance.report.folder import verify_report, write_report
from provenance.report.html import LARGEST_BYTES, render_html
from tests.fakes import records
from tests.fakes.watching import Watched

pytestmark = pytest.mark.chromium
ATTACK = """{% extends "shipped/audit.html.j2" %}
{% block more_sections %}
<section><h2>Ours</h2><script>window.pwned = 1</script><img src="http://ADDRESS/x.png" alt=""><img src=x onerror="window.pwned = 1" alt="">
<link rel="stylesheet" href="http://ADDRESS/x.css"><iframe src="http://ADDRESS"></iframe><base href="http://ADDRESS/">
<style>body { background: url(http://ADDRESS/y) }</style><p style="background: url(http://ADDRESS/z)" onclick="window.pwned = 1" id="tap">x</p>
<a href="javascript:window.pwned=1" id="go">go</a><form action="http://ADDRESS"><button id="send">send</button></form>
</section>
{% endblock %}
"""


class Listener(BaseHTTPRequestHandler):
    """Writes down what is asked of it."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer nothing."""
        self.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where a server of this machine listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_template_that_fetches_or_runs_is_stopped_by_the_policy(browser: Any, tmp_path: Path, address: str) -> None:
    (tmp_path / "audit.html.j2").write_text(ATTACK.replace("ADDRESS", address), encoding="utf-8")
    raw = render_html(records.cleared_record(), look=ReportLook(templates=tmp_path))
    (tmp_path / "page.html").write_bytes(raw)
    with Watched(browser, tmp_path / "page.html") as seen:
        for name in ("tap", "go", "send"):
            seen.page.locator(f"#{name}").click(force=True, no_wait_after=True)
        seen.page.wait_for_timeout(50)
        assert seen.page.evaluate("window.pwned") is None
        assert seen.page.url.startswith("file://")
        assert Listener.asked == []
        assert "Content Security Policy" in " ".join(seen.said)
    open_page = raw.replace(b'http-equiv="Content-Security-Policy"', b'name="none"', 1)
    (tmp_path / "page.html").write_bytes(open_page)
    with Watched(browser, tmp_path / "page.html") as seen:
        assert seen.page.evaluate("window.pwned") == 1
        assert "/x.png" in Listener.asked, "without the policy it does run and fetch"


@pytest.mark.full
def test_a_word_of_ten_megabytes_neither_fills_the_page_nor_breaks_it(browser: Any, tmp_path: Path) -> None:
    base, word = records.blocked_record(), "A" * 10_000_000
    first = base.evidence[0]
    assert first.text is not None
    text = dataclasses.replace(first.text, text=word, before=word, after=word, shared=(Span(start=0, end=len(word)),))
    finding = dataclasses.replace(base.findings[0], message=word, title=word)
    record = dataclasses.replace(base, findings=(finding, *base.findings[1:]), evidence=(dataclasses.replace(first, text=text), *base.evidence[1:]))
    raw = render_html(record)
    assert len(raw) < 250_000
    assert "[… 9\u202f998\u202f401 characters left out]" in raw.decode()  # of the ten million, 1,599 are shown before the …
    (tmp_path / "page.html").write_bytes(raw)
    with Watched(browser, tmp_path / "page.html", width=360) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((d, i) => { if (i < 40) d.open = true })")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_nothing_hostile_is_left_in_what_a_reader_sees(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["hostile"], javascript=False) as seen:
        text = seen.page.locator("body").text_content()
        assert not set("\u202e\u202c\u200b\x00\x1b") & set(text)
        for shown in ("⟨U+202E⟩", "⟨U+200B⟩", "␀", "␛"):
            assert shown in text


@pytest.mark.full
@pytest.mark.parametrize("letter", ["\u200b", *(pytest.param(c, marks=pytest.mark.full) for c in "漢&<")])
def test_a_page_of_texts_that_swell_stays_below_two_megabytes(letter: str) -> None:
    base = records.huge_record(datasets=3, findings=900)
    long = letter * 1500
    swollen = tuple(
        dataclasses.replace(
            e, text=dataclasses.replace(e.text, text=long, reference_text=long, before=long, after=long, shared=(), reference_shared=())
        )
        for e in base.evidence
        if e.text is not None
    )
    findings = tuple(dataclasses.replace(f, message=f.message + long) for f in base.findings)
    raw = render_html(dataclasses.replace(base, evidence=swollen, findings=findings))
    assert len(raw) <= LARGEST_BYTES
    assert b"findings.csv" in raw


def test_a_record_of_a_newer_version_is_one_clear_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_report(records.cleared_record(), tmp_path / "r")
    wire = json.loads((tmp_path / "r" / "audit.json").read_bytes())
    (tmp_path / "newer.json").write_text(json.dumps({**wire, "version": 99}))
    assert run(["-C", str(tmp_path), "report", "make", "newer.json", "-o", "out"]) == 1
    said = capfd.readouterr().err
    assert "audit record of version 99" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [("findings.csv", None, "missing"), ("index.html", b"<p>", "changed after it was written"), ("matches.csv", b"", "changed")],
)
def test_a_folder_with_a_missing_or_another_file_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, change: bytes | None, said: str
) -> None:
    write_report(records.blocked_record(), tmp_path / "r")
    verify_report(tmp_path / "r")
    target = tmp_path / "r" / name
    if change is None:
        target.unlink()
    else:
        target.write_bytes(change)
    assert run(["-C", str(tmp_path), "report", "verify", "r"]) != 0
    told = capfd.readouterr().err
    assert name in told
    assert said in told
    assert "Traceback" not in told


def test_report_make_takes_templates_and_says_what_is_wrong_with_them(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_report(records.cleared_record(), tmp_path / "r")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "audit.html.j2").write_text('{% extends "shipped/audit.html.j2" %}\n{% block foot %}<p>made for us</p>{% endblock %}\n')
    assert run(["-C", str(tmp_path), "report", "make", "r", "-o", "out", "--templates", "mine"]) == 0
    assert "<p>made for us</p>" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "mine" / "audit.html.j2").write_text('{% extends "shipped/audit.html.j2" %}\n{% block foot %}{{ record.nope }}{% endblock %}\n')
    assert run(["-C", str(tmp_path), "report", "make", "r", "-o", "other", "--templates", "mine"]) != 0
    told = capfd.readouterr().err
    assert "nope" in told
    assert "audit.html.j2, line 2" in told
    assert "Traceback" not in told
    assert not (tmp_path / "other").exists()
