"""The portfolio page: what it says, and that hostile text stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from provenance.audit.impact import IssuedClearance
from provenance.audit.portfolio import AffectedRun, AuditPoint, DatasetUse, EndingWaiver, ModelHistory, Portfolio, TermsChange
from provenance.model.finding import Subject, SubjectKind, VerdictKind, Waiver
from provenance.model.match import ReadProblem
from provenance.report.portfolio import build_page, render_portfolio
from tests.fakes.portfolios import full_portfolio
from tests.fakes.records import sha

EVIL = "<script>alert(1)</script>\u202e\x00</style>"


def point(number: int, verdict: VerdictKind = VerdictKind.BLOCKED, deny: int = 2) -> AuditPoint:
    return AuditPoint(id=sha(str(number)), created=f"2026-11-{number:02}T10:00:00Z", verdict=verdict, deny=deny, review=1, warn=0, waived=0)


def history(name: str = "helpdesk-7b", *points: AuditPoint) -> ModelHistory:
    return ModelHistory(
        model=name,
        audits=points or (point(1), point(9, VerdictKind.CLEARED, 0)),
        datasets=(
            DatasetUse(name="chats", root_digest=sha("r"), weight=0.25, open_findings=3),
            DatasetUse(name="prose", root_digest=sha("p"), weight=None, open_findings=0),
        ),
        terms_changed=False,
        clearance=None,
    )


def waiver(expires: str = "2026-12-01") -> Waiver:
    subject = Subject(kind=SubjectKind.DATASET, id="chats", digest=sha("s"))
    return Waiver(
        id="W-1", rule="L001", subject=subject, reason="other", comment="", requested_by="a", approved_by="b", created="2026-10-01", expires=expires
    )


def portfolio(*models: ModelHistory, **changes: Any) -> Portfolio:
    made = Portfolio(as_of="2026-12-01T00:00:00Z", models=models, waivers=(), terms=(), problems=())
    return replace(made, **changes)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._silent = tag in {"style", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data


def read(page: bytes) -> _Text:
    parser = _Text()
    parser.feed(page.decode())
    parser.text = re.sub(r"\s+", " ", parser.text)
    return parser


def test_a_model_whose_clearance_was_revoked_is_not_shown_as_cleared() -> None:
    gone = IssuedClearance(
        audit=point(9).id,
        manifest_root=sha("m"),
        issued="2026-11-10T00:00:00Z",
        expires="2026-12-10T00:00:00Z",
        revoked="2026-11-12T00:00:00Z",
    )
    other = replace(history("other"), clearance=replace(gone, audit=point(1).id))  # of an older audit: the newest has none yet
    made = portfolio(replace(history(), clearance=gone), other)
    page = render_portfolio(made, links={}).decode()
    assert "2 CLEARED (1 of them with a clearance that was revoked)" in read(page.encode()).text
    assert re.findall(r'<b class="(\w+)">(CLEARED[^<]*)</b>', page) == [("deny", "CLEARED, revoked"), ("CLEARED", "CLEARED")]


def test_it_says_what_the_audits_say() -> None:
    clearance = IssuedClearance(audit=point(9).id, manifest_root=sha("m"), issued="2026-11-10T00:00:00Z", expires="2026-12-10T00:00:00Z")
    change = TermsChange(
        terms="acme.2026",
        provider="acme",
        title="Service terms",
        effective_from="2026-01-23",
        url="https://acme.example/terms",
        unknown_to=(AffectedRun(model="helpdesk-7b", audit=point(9).id, dataset="chats", then="ALLOWED", now="PROHIBITED"),),
        later_than=("other-1b",),
    )
    text = read(
        render_portfolio(
            portfolio(
                replace(history(), clearance=clearance), terms=(change,), waivers=(EndingWaiver(model="helpdesk-7b", waiver=waiver(), days_left=0),)
            ),
            links={point(9).id: "abc/index.html"},
        )
    ).text
    for said in (
        "1 model in 2 audits: by the newest audit of each, 1 CLEARED.",
        "until 2026-12-10",
        "audit again",
        "3 in the first audits, 1 in the newest",
        "share not known",
        "25 %, 3 open",
        "2026-12-01, 0 days left",
        "acme: Service terms, in force from 2026-01-23",
        "2 models are touched",
        "It said ALLOWED; the catalogue now says PROHIBITED",
    ):
        assert said in text, said


def test_a_run_that_break_glass_let_start_is_marked() -> None:
    clearance = IssuedClearance(
        audit=point(9).id, manifest_root=sha("m"), issued="2026-11-10T00:00:00Z", expires="2026-11-11T00:00:00Z", break_glass=True
    )
    page = render_portfolio(portfolio(replace(history(), clearance=clearance)), links={})
    assert "let start by break-glass on 2026-11-10" in read(page).text
    assert "break-glass" not in read(render_portfolio(portfolio(replace(history(), clearance=replace(clearance, break_glass=False))), links={})).text


def test_a_workspace_without_audits_says_so() -> None:
    text = read(render_portfolio(portfolio(), links={})).text
    assert "No audit yet" in text
    assert "holds no audit yet" in text


def test_audits_that_could_not_be_read_are_on_the_page() -> None:
    problem = ReadProblem(path=sha("x"), line=None, record=None, message="is lost")
    assert "1 audit could not be read." in read(render_portfolio(portfolio(history(), problems=(problem,)), links={})).text


def test_hostile_text_becomes_no_element() -> None:
    evil = replace(history(EVIL), datasets=(DatasetUse(name=EVIL, root_digest=sha("r"), weight=1.0, open_findings=1),))
    evil_waiver = replace(waiver(), id=EVIL, approved_by=EVIL, subject=Subject(kind=SubjectKind.SHARD, id=EVIL, digest=sha("e")))
    change = TermsChange(terms=EVIL, provider=EVIL, title=EVIL, effective_from=EVIL, url=f"javascript:{EVIL}", unknown_to=(), later_than=(EVIL,))
    page = render_portfolio(portfolio(evil, waivers=(EndingWaiver(model=EVIL, waiver=evil_waiver, days_left=-1),), terms=(change,)), links={})
    parsed = read(page)
    assert parsed.tags.count("script") == 1
    assert parsed.tags.count("style") == 1
    assert "\u202e" not in page.decode()
    assert b"\x00" not in page
    assert b'href="javascript' not in page


def test_the_same_portfolio_gives_the_same_bytes() -> None:
    many = portfolio(*(history(f"model-{i}", point(1), point(2 + i % 20)) for i in range(300)))
    assert render_portfolio(many, links={}) == render_portfolio(many, links={})
    assert "100 more models" in read(render_portfolio(many, links={})).text


def test_what_no_change_can_be_ruled_out_for_is_said_and_not_left_out() -> None:
    text = read(render_portfolio(full_portfolio(), links={})).text
    for said in (
        "2 models are touched",
        "1 more model may be affected, since days of outputs are not known: third-1b.",
        "2 datasets in 1 model, 15 000 words, hold text of unknown days or makers: this model may be affected by any change of terms.",
        "nobody says whether a model made it",
        "1 text that may bear on outputs of unknown days",
    ):
        assert said in text, said
    assert "hold text of unknown days" not in read(render_portfolio(portfolio(), links={})).text


def test_no_model_that_may_not_be_trained_has_nothing_to_do() -> None:
    rows = {m.name: m.alert for m in build_page(full_portfolio(), {}).models}
    assert rows["other-1b"].startswith("a named reviewer has to release it")
    assert rows["third-1b"] == "sign a clearance of this audit before it is trained"
    blocked = build_page(portfolio(history("b", point(3))), {}).models[0]
    assert blocked.alert == "mend what denies it, then audit again"
    signed = IssuedClearance(audit=point(9).id, manifest_root=sha("m"), issued="2026-11-10T00:00:00Z", expires="2026-12-10T00:00:00Z")
    assert build_page(portfolio(replace(history(), clearance=signed)), {}).models[0].alert == "nothing"
