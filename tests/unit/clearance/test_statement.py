"""The in-toto statement of a clearance: strict, canonical, and the form that the schema describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.canonical import canonical_bytes
from provenance.clearance.statement import BreakGlass, Issuer, parse_statement, statement_bytes
from provenance.errors import EnvelopeFormatError
from provenance.model.finding import VerdictKind
from tests.fakes.clearances import released_clearance, sample_clearance

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "formats" / "clearance.schema.json").read_text(encoding="utf-8"))
VARIANTS = [
    sample_clearance(),
    sample_clearance(conditions=(), index_digests=()),
    sample_clearance(verdict=VerdictKind.REVIEW, released_by="Grace Ünïcode", replaces="sha256:" + "66" * 32),
    released_clearance(),
    sample_clearance(verdict=VerdictKind.BLOCKED, break_glass=BreakGlass(approver="Joan", reason="demonstration")),
]


def changed(path: tuple[str | int, ...], value: Any) -> bytes:
    """Return the sample's statement with one place changed, canonical again."""
    document = json.loads(statement_bytes(sample_clearance()))
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
        (b'{"a":' + b"9" * 10_000 + b"}", "integer string"),
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
