"""Envelopes and statements that surprise, through the whole verifier: each is refused with a sentence of its own."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.canonical import canonical_bytes
from provenance.clearance.check import check_gate
from provenance.clearance.envelope import MAX_ENVELOPE_BYTES, parse_envelope
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import statement_bytes
from provenance.clearance.trust import load_trust
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, EnvelopeFormatError
from tests.fakes.clearances import NOW, bound_clearance, cleared_world, rfc_key, sample_trust
from tests.unit.clearance.test_verification import sign_bytes

TRUST = sample_trust(("issuer",), ("issuer",))
GOOD = issue_clearance(bound_clearance(), rfc_key(0), rfc_key(1))
STATEMENT = statement_bytes(bound_clearance())
FIRST, SECOND = (s.key_id for s in parse_envelope(GOOD).signatures)
NAMES = {key.id: key.name for key in TRUST.keys}


def envelope(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the good envelope with something changed, canonical again."""
    document = json.loads(GOOD)
    change(document)
    return canonical_bytes(document) + b"\n"


def statement(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an envelope that is signed well over a statement with something changed."""
    document = json.loads(STATEMENT)
    change(document)
    return sign_bytes(canonical_bytes(document), rfc_key())


def signed(payload: bytes) -> bytes:
    return sign_bytes(payload, rfc_key())


def flipped(sig: str) -> str:
    raw = base64.b64decode(sig)
    return base64.b64encode(raw[:-33] + bytes([raw[-33] ^ 1]) + raw[-32:]).decode()


def same_key_twice(document: dict[str, Any]) -> None:
    document["signatures"][1]["keyid"] = document["signatures"][0]["keyid"]


def second_id(document: dict[str, Any]) -> None:
    document["signatures"][1] = document["signatures"][1] | {"keyid": "f" * 64, "sig": document["signatures"][0]["sig"]}


def one_bad(document: dict[str, Any]) -> None:
    document["signatures"][1]["sig"] = flipped(document["signatures"][1]["sig"])


def swapped(document: dict[str, Any]) -> None:
    first, second = document["signatures"]
    first["sig"], second["sig"] = second["sig"], first["sig"]


E, S = "clearance envelope: ", "clearance statement: "
URL_SAFE = base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 21 + b"\xfb").decode()
SURPRISES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", E + "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
    "cut short": (GOOD[:200], E + "it is not JSON: Unterminated string starting at: line 1 column 12 (char 11)"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, E + "it is not JSON: Unexpected UTF-8 BOM"),
    "invalid UTF-8": (GOOD[:20] + b"\xff" + GOOD[20:], E + "it is not UTF-8 at byte 20"),
    "UTF-16": (GOOD.decode().encode("utf-16"), E + "it is not UTF-8 at byte 0"),
    "trailing bytes": (GOOD + b"{}", E + "it is not JSON: Extra data"),
    "trailing newline": (GOOD + b"\n", E + "it is not in canonical form (RFC 8785 and one newline)"),
    "too large": (b" " * (MAX_ENVELOPE_BYTES + 1), E + "it has 1,048,577 bytes, at most 1,048,576 are read"),
    "deep nesting": (b"[" * 300_000, E + "it is nested too deeply"),
    "a list": (b"[]\n", E + "the envelope must be an object, got list"),
    "a key twice": (GOOD.replace(b'"payload":', b'"payload":"e30=","payload":'), E + "it holds the key 'payload' twice"),
    "NaN": (GOOD.replace(b'"payload":', b'"n":NaN,"payload":'), E + "it holds the number NaN; only integers are used"),
    "a float": (GOOD.replace(b'"payload":', b'"n":1.0,"payload":'), E + "it holds the number 1.0; only integers are used"),
    "a huge integer": (
        GOOD.replace(b'"payload":', b'"n":' + b"9" * 30 + b',"payload":'),
        E + f"it holds the number {'9' * 30}; integers lie between",
    ),
    "a field more": (envelope(lambda d: d.update(keyring="x")), E + "the envelope has an unknown field 'keyring'"),
    "a field less": (envelope(lambda d: d.pop("payloadType")), E + "the envelope lacks the field 'payloadType'"),
    "another payload type": (
        envelope(lambda d: d.update(payloadType="text/plain")),
        E + "payloadType is 'text/plain', expected application/vnd.in-toto+json",
    ),
    "base64url": (envelope(lambda d: d["signatures"][0].update(sig=URL_SAFE)), E + "signatures[0].sig is not standard base64"),
    "base64 without padding": (envelope(lambda d: d.update(payload="e30")), E + "payload is not standard base64: Incorrect padding"),
    "base64 with spare bits": (envelope(lambda d: d.update(payload="e31=")), E + "payload is not canonical base64"),
    "no signature": (envelope(lambda d: d.update(signatures=[])), E + "signatures must be a list of 1 to 16 entries"),
    "a signature with a field more": (
        envelope(lambda d: d["signatures"][1].update(cert="x")),
        E + "signatures[1] has an unknown field 'cert'",
    ),
    "a short signature": (envelope(lambda d: d["signatures"][0].update(sig="AAAA")), E + "signatures[0].sig must hold 64 bytes, got 3"),
    "a key id in capitals": (
        envelope(lambda d: d["signatures"][0].update(keyid="AB" * 32)),
        E + "signatures[0].keyid must be 64 hex digits, got 'ABAB",
    ),
    "one key named twice": (envelope(same_key_twice), E + "two signatures name the same key"),
    "one key under another id": (envelope(second_id), "signed by key ffffffffffffffff…, which is not in the trust file"),
    "two signatures, one bad": (envelope(one_bad), f"the signature of {NAMES[SECOND]!r} (key {SECOND[:16]}…) does not verify"),
    "signatures swapped": (envelope(swapped), f"the signature of {NAMES[FIRST]!r} (key {FIRST[:16]}…) does not verify"),
    "payload: not JSON": (signed(b"hello"), S + "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
    "payload: invalid UTF-8": (signed(b'{"\xe9":1}'), S + "it is not UTF-8 at byte 2"),
    "payload: byte order mark": (signed(b"\xef\xbb\xbf" + STATEMENT), S + "it is not JSON: Unexpected UTF-8 BOM"),
    "payload: trailing bytes": (signed(STATEMENT + b"x"), S + "it is not JSON: Extra data"),
    "payload: too large": (signed(b"[" * ((1 << 19) + 1)), S + "it has 524,289 bytes, at most 524,288 are read"),
    "payload: deep nesting": (signed(b'{"a":' * 100_000), S + "it is nested too deeply"),
    "payload: a key twice": (
        signed(STATEMENT.replace(b'"verdict":', b'"verdict":"BLOCKED","verdict":')),
        S + "it holds the key 'verdict' twice",
    ),
    "payload: NaN": (signed(STATEMENT.replace(b'"findings_digest":', b'"n":NaN,"findings_digest":')), S + "it holds the number NaN"),
    "payload: infinity": (signed(STATEMENT.replace(b'"findings_digest":', b'"n":-Infinity,"findings_digest":')), S + "it holds the number -Infinity"),
    "payload: a float": (signed(STATEMENT.replace(b'"findings_digest":', b'"n":2e3,"findings_digest":')), S + "it holds the number 2e3"),
    "payload: a huge integer": (
        signed(STATEMENT.replace(b'"findings_digest":', b'"n":9007199254740992,"findings_digest":')),
        S + "it holds the number 9007199254740992; integers lie between",
    ),
    "payload: 10,000 digits": (
        signed(STATEMENT.replace(b'"findings_digest":', b'"n":' + b"7" * 10_000 + b',"findings_digest":')),
        S + f"it holds the number {'7' * 40}; integers lie between",
    ),
    "payload: an escape too many": (signed(STATEMENT.replace(b"Ada", b"\\u0041da")), S + "it is not in canonical form (RFC 8785)"),
    "payload: a lone surrogate": (signed(STATEMENT.replace(b"Ada", b"\\ud800")), S + "predicate: issuer.name holds a lone surrogate"),
    "payload: another statement type": (statement(lambda d: d.update(_type="x")), S + "_type is 'x', expected https://in-toto.io/Statement/v1"),
    "payload: a later version": (
        statement(lambda d: d.update(predicateType="https://provenance-audit.dev/clearance/v4")),
        S + "it is of version 4, and this program reads up to version 3",
    ),
    "payload: another predicate": (
        statement(lambda d: d.update(predicateType="https://slsa.dev/provenance/v1")),
        S + "predicateType is 'https://slsa.dev/provenance/v1'",
    ),
    "payload: two subjects": (statement(lambda d: d["subject"].append(d["subject"][0])), S + "subject must be a list of exactly one entry"),
    "payload: another subject": (statement(lambda d: d["subject"][0].update(name="model")), S + "the subject is 'model', expected 'shard-manifest'"),
    "payload: a field more in the statement": (statement(lambda d: d.update(x=1)), S + "the statement has an unknown field 'x'"),
    "payload: a field more in the subject": (statement(lambda d: d["subject"][0].update(x=1)), S + "the subject has an unknown field 'x'"),
    "payload: another digest": (
        statement(lambda d: d["subject"][0]["digest"].update(sha512="x")),
        S + "the subject's digest has an unknown field 'sha512'",
    ),
    "payload: a field more in the predicate": (statement(lambda d: d["predicate"].update(x=1)), S + "the predicate has an unknown field 'x'"),
    "payload: a field more in the basis": (statement(lambda d: d["predicate"]["rests_on"].update(x=1)), S + "rests_on has an unknown field 'x'"),
    "payload: a field more for the gate": (statement(lambda d: d["predicate"]["gate"].update(x=1)), S + "gate has an unknown field 'x'"),
    "payload: a field more of the issuer": (statement(lambda d: d["predicate"]["issuer"].update(x=1)), S + "predicate.issuer: unknown field 'x'"),
}


@pytest.mark.parametrize("name", SURPRISES)
def test_each_surprise_is_refused_with_a_sentence_of_its_own(name: str) -> None:
    raw, sentence = SURPRISES[name]
    with pytest.raises(ClearanceError) as caught:
        verify_clearance(raw, TRUST, NOW)
    assert str(caught.value).startswith(sentence)
    assert len(caught.value.reasons) == 1


def test_no_two_surprises_share_a_sentence() -> None:
    same = {"invalid UTF-8", "UTF-16"}  # told apart by the byte
    sentences = [sentence for name, (_, sentence) in SURPRISES.items() if name not in same]
    assert len(set(sentences)) == len(sentences)
    assert verify_clearance(GOOD, TRUST, NOW) == bound_clearance()


def test_of_an_envelope_of_100_mb_no_more_is_read_than_one_may_have(tmp_path: Path) -> None:
    world = cleared_world(tmp_path)
    with world.clearance.open("wb") as file:
        file.truncate(100 << 20)
    trust = load_trust(world.trust)
    tracemalloc.start()
    try:
        with pytest.raises(EnvelopeFormatError, match=r"the clearance .*run\.clearance\.json is larger than 1,048,576 bytes"):
            check_gate(world.clearance, roots=[world.data], trust=trust, now=NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
