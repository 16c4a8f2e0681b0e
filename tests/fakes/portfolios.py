"""Portfolios for tests of the page over many audits."""

from __future__ import annotations

from provenance.audit.impact import IssuedClearance
from provenance.audit.judged_origins import UnknownOrigin
from provenance.audit.portfolio import AffectedRun, AuditPoint, DatasetUse, EndingWaiver, ModelHistory, OpenText, Portfolio, TermsChange
from provenance.model.finding import Subject, SubjectKind, VerdictKind, Waiver
from provenance.model.match import ReadProblem
from tests.fakes.records import sha


def _point(number: int, verdict: VerdictKind, deny: int) -> AuditPoint:
    return AuditPoint(id=sha(f"point {number}"), created=f"2026-11-{number:02}T10:00:00Z", verdict=verdict, deny=deny, review=1, warn=0, waived=1)


def full_portfolio() -> Portfolio:
    """Return two models over three audits with everything that the page can tell."""
    points = (_point(1, VerdictKind.BLOCKED, 2), _point(9, VerdictKind.CLEARED, 0))
    subject = Subject(kind=SubjectKind.DATASET, id="chats", digest=sha("s"))
    waiver = Waiver(
        id="W-1",
        rule="L001",
        subject=subject,
        reason="other",
        comment="",
        requested_by="a",
        approved_by="b",
        created="2026-10-01",
        expires="2026-12-20",
    )
    change = TermsChange(
        terms="acme.2026",
        provider="acme",
        title="Service terms",
        effective_from="2026-01-23",
        url="https://acme.example/terms",
        unknown_to=(AffectedRun(model="helpdesk-7b", audit=points[1].id, dataset="chats", then="ALLOWED", now="PROHIBITED"),),
        later_than=("other-1b",),
        may_touch=("third-1b",),
    )
    old = TermsChange(
        terms="acme.2024",
        provider="acme",
        title="Service terms",
        effective_from="2024-05-01",
        url="https://acme.example/old-terms",
        unknown_to=(),
        later_than=(),
        may_touch=("third-1b",),
    )
    lost = UnknownOrigin(
        dataset="answers",
        words=12_000,
        through="",
        origin="acme acme-1 api",
        provider="acme",
        after="",
        why="the days on which it was made are not known",
    )
    forum = UnknownOrigin(dataset="forum", words=3_000, through="", origin="", provider="", after="", why="nobody says whether a model made it")
    chats = DatasetUse(name="chats", root_digest=sha("r"), weight=0.25, open_findings=3)
    prose = DatasetUse(name="prose", root_digest=sha("p"), weight=None, open_findings=0)
    clearance = IssuedClearance(audit=points[1].id, manifest_root=sha("m"), issued="2026-11-10T00:00:00Z", expires="2026-12-10T00:00:00Z")
    first = ModelHistory(model="helpdesk-7b", audits=points, datasets=(chats, prose), terms_changed=False, clearance=clearance)
    second = ModelHistory(model="other-1b", audits=(_point(4, VerdictKind.REVIEW, 0),), datasets=(prose,), terms_changed=True, clearance=None)
    answers = DatasetUse(name="answers", root_digest=sha("a"), weight=1.0, open_findings=0)
    third = ModelHistory(model="third-1b", audits=(_point(5, VerdictKind.CLEARED, 0),), datasets=(answers,), terms_changed=False, clearance=None)
    problem = ReadProblem(path=sha("lost"), line=None, record=None, message="audit cannot be read")
    return Portfolio(
        as_of="2026-12-01T00:00:00Z",
        models=(first, second, third),
        waivers=(EndingWaiver(model="helpdesk-7b", waiver=waiver, days_left=19),),
        terms=(change, old),
        problems=(problem,),
        unknown=(OpenText(model="third-1b", unknown=lost), OpenText(model="third-1b", unknown=forum)),
    )
