"""The in-toto statement of a clearance: strict, canonical, and the form that the schema describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.canonical import canonical_bytes
from provenance.clearance.statement import BreakGlass, Clearance, GateLeave, Issuer, parse_statement, statement_bytes
from provenance.errors import EnvelopeFormatError
from provenance.model.finding import VerdictKind
from tests.fakes.clearances import bound_clearance, broken_clearance, released_clearance, sample_basis, sample_clearance

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "formats" / "clearance.schema.json").read_text(encoding="utf-8"))
VARIANTS = [
    sample_clearance(),
    sample_clearance(conditions=(), index_digests=()),
    sample_clearance(verdict=VerdictKind.REVIEW, released_by="Grace Ünïcode", replaces="sha256:" + "66" * 32),
    released_clearance(),
    sample_clearance(verdict=VerdictKind.BLOCKED, break_glass=BreakGlass(approver="Joan", reason="demonstration")),
    bound_clearance(),
    bound_clearance(rests_on=sample_basis(run_file_digest=None, waiver_digests=()), gate=GateLeave(digest_cache=True, ranks_verify=True)),
    bound_clearance(verdict=VerdictKind.REVIEW, released_by="Grace Reviewer", releases=released_clearance().releases),
    broken_clearance(),
]


def changed(path: tuple[str | int, ...], value: Any, clearance: Clearance | None = None) -> bytes:
    """Return a statement, by default the sample's, with one place changed, canonical again."""
    document = json.loads(statement_bytes(clearance or sample_clearance()))
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is Ellipsis:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return canonical_bytes(document)


@pytest.mark.parametrize("clearance", VARIANTS)
def test_a_clearance_reads_back_and_is_hashable(clearance: Any) -> None:
    assert parse_statement(statement_bytes(clearance)) == clearance
    assert isinstance(hash(clearance), int)


@pytest.mark.parametrize("clearance", VARIANTS)
def test_statements_fit_the_published_schema(clearance: Any) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(statement_bytes(clearance)))


def test_the_statement_is_an_in_toto_statement_over_the_merkle_root() -> None:
    document = json.loads(statement_bytes(sample_clearance("sha256:" + "ab" * 32)))
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"] == [{"name": "shard-manifest", "digest": {"sha256": "ab" * 32}}]
    assert document["predicateType"] == "https://provenance-audit.dev/clearance/v1"
    assert set(document["predicate"]) == {
        "audit",
        "run_digest",
        "policy_digests",
        "terms_catalog_digest",
        "index_digests",
        "verdict",
        "conditions",
        "issued",
        "not_before",
        "expires",
        "issuer",
        "released_by",
        "break_glass",
        "replaces",
    }


D = "sha256:" + "22" * 32
HOSTILE: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("_type",), "https://in-toto.io/Statement/v0.1", "_type is"),
    (("_type",), ..., "lacks the field '_type'"),
    (("predicateType",), "https://provenance-audit.dev/clearance/v4", "of version 4, and this program reads up to version 3"),
    (("predicateType",), None, "predicateType is"),
    (("extra",), 1, "unknown field 'extra'"),
    (("subject",), [], "exactly one"),
    (("subject",), {}, "exactly one"),
    (("subject", 0, "name"), "other", "the subject is 'other'"),
    (("subject", 0, "uri"), "x", "unknown field 'uri'"),
    (("subject", 0, "digest"), {}, "lacks the field 'sha256'"),
    (("subject", 0, "digest", "sha512"), "x", "unknown field 'sha512'"),
    (("subject", 0, "digest", "sha256"), "AB" * 32, "64 hex digits"),
    (("subject", 0, "digest", "sha256"), 5, "64 hex digits"),
    (("predicate",), [], "must be an object"),
    (("predicate", "audit"), ..., "lacks the field 'audit'"),
    (("predicate", "released_by"), ..., "lacks the field 'released_by'"),
    (("predicate", "allow_extra"), True, "unknown field 'allow_extra'"),
    (("predicate", "audit"), "id-1", "audit must be sha256"),
    (("predicate", "run_digest"), None, "run_digest"),
    (("predicate", "run_digest"), "", "run_digest must be sha256"),
    (("predicate", "policy_digests"), [], "policy_digests is empty"),
    (("predicate", "policy_digests"), D, "policy_digests"),
    (("predicate", "policy_digests"), [D, 1], "policy_digests"),
    (("predicate", "index_digests"), ["x"], "index_digests must be"),
    (("predicate", "terms_catalog_digest"), "x", "terms_catalog_digest must be"),
    (("predicate", "verdict"), "ALLOWED", "verdict"),
    (("predicate", "verdict"), "cleared", "verdict"),
    (("predicate", "verdict"), None, "verdict"),
    (("predicate", "conditions"), "none", "conditions"),
    (("predicate", "conditions"), [""], "conditions must be non-empty"),
    (("predicate", "issued"), "2026-11-24", "issued must be a UTC time"),
    (("predicate", "issued"), 5, "issued"),
    (("predicate", "not_before"), "2026-11-24T08:00:00+00:00", "not_before must be a UTC time"),
    (("predicate", "expires"), "2026-12-24T08:00:00.5Z", "expires must be a UTC time"),
    (("predicate", "expires"), "2026-02-30T08:00:00Z", "no time of the calendar"),
    (("predicate", "expires"), "٢٠٢٦-12-24T08:00:00Z", "expires must be a UTC time"),
    (("predicate", "expires"), "2026-12-24T08:00:00Z\n", "expires must be a UTC time"),
    (("predicate", "expires"), "2026-11-24T08:00:00Z", "is not after"),
    (("predicate", "issuer"), "Ada", "issuer"),
    (("predicate", "issuer"), {"name": "Ada"}, "issuer"),
    (("predicate", "issuer", "name"), "", "issuer.name must be non-empty"),
    (("predicate", "issuer", "name"), "  ", "issuer.name must be non-empty"),
    (("predicate", "released_by"), "", "released_by must be non-empty"),
    (("predicate", "released_by"), False, "released_by"),
    (("predicate", "break_glass"), {}, "break_glass"),
    (("predicate", "break_glass"), {"approver": "x", "reason": ""}, "break_glass.reason"),
    (("predicate", "replaces"), "x", "replaces must be"),
]


B = ("predicate", "rests_on")
HOSTILE_3: list[tuple[tuple[str | int, ...], Any, str | None]] = [
    ((*B,), None, "rests_on must be an object, got NoneType"),
    ((*B,), ..., "the predicate lacks the field 'rests_on'"),
    ((*B, "scans_digest"), ..., "rests_on lacks the field 'scans_digest'"),
    ((*B, "extra"), 1, "rests_on has an unknown field 'extra'"),
    ((*B, "audit_id"), "7f3c", "rests_on.audit_id must be sha256"),
    ((*B, "run_file_digest"), "", "rests_on.run_file_digest must be sha256"),
    ((*B, "licenses_catalog_digest"), "x", "rests_on.licenses_catalog_digest must be sha256"),
    ((*B, "scans_digest"), "sha256:" + "AB" * 32, "rests_on.scans_digest must be sha256"),
    ((*B, "findings_digest"), None, "findings_digest"),
    ((*B, "waiver_digests"), ["x"], "rests_on.waiver_digests must be sha256"),
    ((*B, "waiver_digests"), [D, D], "rests_on.waiver_digests must be sorted, each once"),
    ((*B, "requested_by"), " ", "rests_on.requested_by must be non-empty text"),
    (("predicate", "gate"), ..., "the predicate lacks the field 'gate'"),
    (("predicate", "gate"), True, "gate must be an object, got bool"),
    (("predicate", "gate", "digest_cache"), ..., "gate lacks the field 'digest_cache'"),
    (("predicate", "gate", "digest_cache"), 1, "gate.digest_cache"),
    (("predicate", "gate", "ranks_verify"), "yes", "gate.ranks_verify"),
    (("predicate", "gate", "skip"), True, "gate has an unknown field 'skip'"),
    (("predicate", "policy_digests"), ["sha256:" + "ff" * 32, D], "policy_digests must be sorted, each once"),
    (("predicate", "index_digests"), [D, D], "index_digests must be sorted, each once"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y"}, "break_glass lacks the field 'findings'"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y", "rules": [], "findings": 0}, "break_glass must name the rules"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y", "rules": ["B", "A"], "findings": 2}, "break_glass.rules must be sorted"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y", "rules": ["A", "B"], "findings": 1}, "count each finding"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y", "rules": [""], "findings": 1}, "break_glass.rules must be non-empty text"),
    (("predicate", "break_glass"), {"approver": "x", "reason": "y", "rules": ["A"], "findings": True}, "break_glass.findings"),
    (("predicate", "break_glass"), {"approver": "", "reason": "y", "rules": ["A"], "findings": 1}, "break_glass.approver must be non-empty"),
    (("predicate", "releases"), [], None),
    (("predicate", "releases"), ["x"], "go with released_by"),
]


@pytest.mark.parametrize(("path", "value", "reason"), HOSTILE_3)
def test_every_malformed_field_of_version_3_has_its_own_reason(path: tuple[str | int, ...], value: Any, reason: str | None) -> None:
    raw = changed(path, value, bound_clearance())
    if reason is None:
        assert parse_statement(raw) == bound_clearance()
        return
    with pytest.raises(EnvelopeFormatError) as caught:
        parse_statement(raw)
    assert reason in str(caught.value)


def test_a_version_says_only_what_it_can() -> None:
    for raw in (
        changed(("predicateType",), "https://provenance-audit.dev/clearance/v2", bound_clearance()),
        changed(("predicateType",), "https://provenance-audit.dev/clearance/v1", bound_clearance()),
        changed(("predicate", "gate"), {"digest_cache": True, "ranks_verify": False}),
    ):
        with pytest.raises(EnvelopeFormatError, match=r"unknown field '(gate|rests_on|releases)'"):
            parse_statement(raw)
    for later in ("v4", "v10", "v999999"):
        with pytest.raises(EnvelopeFormatError, match=f"of version {later[1:]}, and this program reads up to version 3: update"):
            parse_statement(changed(("predicateType",), f"https://provenance-audit.dev/clearance/{later}", bound_clearance()))
    for other in ("v03", "v0", "v3 ", "v3/", "V3", "v1234567", "v\u0663", "x"):
        with pytest.raises(EnvelopeFormatError, match="predicateType is"):
            parse_statement(changed(("predicateType",), f"https://provenance-audit.dev/clearance/{other}", bound_clearance()))
    with pytest.raises(ValueError, match="go with rests_on"):
        sample_clearance(gate=GateLeave(ranks_verify=True))


@pytest.mark.parametrize(("path", "value", "reason"), HOSTILE)
def test_every_malformed_field_has_its_own_reason(path: tuple[str | int, ...], value: Any, reason: str) -> None:
    with pytest.raises(EnvelopeFormatError, match=reason):
        parse_statement(changed(path, value))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "must be an object"),
        (b"\xff{}", "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b"x" * ((1 << 19) + 1), "at most"),
        (b'{"a":1,"a":1}', "'a' twice"),
        (b'{"a":NaN}', "the number NaN"),
        (b'{"a":-Infinity}', "the number -Infinity"),
        (b'{"a":1.5}', r"the number 1\.5"),
        (b'{"a":' + b"9" * 10_000 + b"}", "integers lie between"),
    ],
)
def test_what_is_no_strict_json_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(EnvelopeFormatError, match=reason):
        parse_statement(raw)


def test_a_repeated_key_deep_inside_is_refused() -> None:
    raw = statement_bytes(sample_clearance()).replace(b'"verdict":"CLEARED"', b'"verdict":"CLEARED","verdict":"CLEARED"')
    with pytest.raises(EnvelopeFormatError, match="'verdict' twice"):
        parse_statement(raw)


@pytest.mark.parametrize("change", [lambda b: b + b"\n", lambda b: b.replace(b":", b": ", 1), lambda b: b.replace(b"Ada", b"\\u0041da")])
def test_another_spelling_of_the_same_statement_is_refused(change: Any) -> None:
    with pytest.raises(EnvelopeFormatError, match="canonical form"):
        parse_statement(change(statement_bytes(sample_clearance())))


def test_a_lone_surrogate_is_refused() -> None:
    raw = statement_bytes(sample_clearance()).replace(b"Ada", b"\\ud800")
    with pytest.raises(EnvelopeFormatError, match="surrogate"):
        parse_statement(raw)


def test_an_issuer_needs_a_name() -> None:
    with pytest.raises(ValueError, match=r"issuer\.name"):
        sample_clearance(issuer=Issuer(name="", role="issuer"))
