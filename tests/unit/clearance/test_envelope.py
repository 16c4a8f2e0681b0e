"""DSSE envelopes: the pre-authentication encoding of the standard, and one byte string per envelope."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.canonical import canonical_bytes
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.errors import EnvelopeFormatError

ENVELOPE = Envelope(
    payload=b'{"hello":"world"}',
    signatures=(EnvelopeSignature(key_id="aa" * 32, signature=b"\x01" * 64), EnvelopeSignature(key_id="bb" * 32, signature=b"\x02" * 64)),
)


def test_pre_authentication_encoding_is_that_of_the_standard() -> None:
    # The example in DSSE's protocol.md.
    assert pre_authentication_encoding(b"hello world", payload_type="http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pre_authentication_encoding(b"") == b"DSSEv1 28 application/vnd.in-toto+json 0 "


@given(st.binary(max_size=60), st.dictionaries(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), min_size=1, max_size=4))
def test_envelopes_read_back(payload: bytes, signatures: dict[bytes, bytes]) -> None:
    entries = tuple(EnvelopeSignature(key_id=key.hex(), signature=value) for key, value in sorted(signatures.items()))
    envelope = Envelope(payload=payload or b"x", signatures=entries)
    assert parse_envelope(envelope_bytes(envelope)) == envelope


def test_signatures_are_written_in_one_order() -> None:
    turned = Envelope(payload=ENVELOPE.payload, signatures=ENVELOPE.signatures[::-1])
    assert envelope_bytes(turned) == envelope_bytes(ENVELOPE)


def changed(path: tuple[str | int, ...], value: Any) -> bytes:
    document = json.loads(envelope_bytes(ENVELOPE))
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is Ellipsis:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return canonical_bytes(document) + b"\n"


SIG = base64.b64encode(b"\xff\xfe\xfd" * 21 + b"\xfb").decode()
HOSTILE: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("payload",), ..., "lacks the field 'payload'"),
    (("payload",), "", "payload must be base64"),
    (("payload",), None, "payload must be base64"),
    (("payload",), "e30", "payload is not standard base64"),
    (("payload",), "e30=\n", "payload is not standard base64"),
    (("payload",), "e3 0=", "payload is not standard base64"),
    (("payload",), "e31=", "payload is not canonical base64"),
    (("payload",), "é30=", "payload is not standard base64"),
    (("payloadType",), "application/json", "payloadType is"),
    (("payloadType",), "application/vnd.in-toto+json ", "payloadType is"),
    (("payloadType",), 7, "payloadType is"),
    (("payloadUtf8",), "x", "unknown field 'payloadUtf8'"),
    (("signatures",), [], "1 to 16"),
    (("signatures",), {}, "signatures must be a list"),
    (("signatures",), [{"keyid": f"{i:064x}", "sig": SIG} for i in range(17)], "1 to 16"),
    (("signatures", 0), "x", r"signatures\[0\] must be an object"),
    (("signatures", 0, "keyid"), ..., "lacks the field 'keyid'"),
    (("signatures", 0, "keyid"), "", "64 hex digits"),
    (("signatures", 0, "keyid"), "AA" * 32, "64 hex digits"),
    (("signatures", 0, "keyid"), "aa" * 31, "64 hex digits"),
    (("signatures", 0, "keyid"), "bb" * 32, "the same key"),
    (("signatures", 0, "cert"), "x", "unknown field 'cert'"),
    (("signatures", 0, "sig"), "AAAA", "must hold 64 bytes, got 3"),
    (("signatures", 0, "sig"), SIG.replace("/", "_").replace("+", "-"), "not standard base64"),
]


@pytest.mark.parametrize(("path", "value", "reason"), HOSTILE)
def test_every_malformed_field_has_its_own_reason(path: tuple[str | int, ...], value: Any, reason: str) -> None:
    with pytest.raises(EnvelopeFormatError, match=reason):
        parse_envelope(changed(path, value))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "must be an object"),
        (envelope_bytes(ENVELOPE)[:-1], "canonical form"),
        (envelope_bytes(ENVELOPE) + b"\n", "canonical form"),
        (b" " + envelope_bytes(ENVELOPE), "canonical form"),
        (json.dumps(json.loads(envelope_bytes(ENVELOPE)), indent=1).encode(), "canonical form"),
        (envelope_bytes(ENVELOPE).replace(b'"payload":', b'"payload":"e30=","payload":'), "'payload' twice"),
        (envelope_bytes(ENVELOPE)[:100], "not JSON"),
    ],
)
def test_other_spellings_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(EnvelopeFormatError, match=reason):
        parse_envelope(raw)


def test_signatures_in_another_order_are_refused() -> None:
    document = json.loads(envelope_bytes(ENVELOPE))
    document["signatures"].reverse()
    with pytest.raises(EnvelopeFormatError, match="canonical form"):
        parse_envelope(canonical_bytes(document) + b"\n")


def test_a_hundred_megabytes_are_refused_unread() -> None:
    with pytest.raises(EnvelopeFormatError, match=r"104,857,600 bytes, at most 1,048,576"):
        parse_envelope(b"[" * (100 << 20))
