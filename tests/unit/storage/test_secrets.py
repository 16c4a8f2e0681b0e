"""No credential passes the door: whatever it is made of, it is found where it stands in an address, and is not in what is told of it."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provenance.errors import LocationError
from provenance.storage.secrets import HIDDEN, find_secret, find_written_secret, redact, remember, without_secrets
from provenance.storage.urls import parse_url, shown, url_fault

_BASE64 = string.ascii_letters + string.digits + "+/="
secrets = st.text(alphabet=_BASE64, min_size=20, max_size=44).filter(lambda s: not s[0].isdigit())
"""As access keys and signatures look; what begins like a port is below."""
schemes = st.sampled_from(["s3", "s3a", "gs", "hf", "https", "http", "abfs", "sftp", "memory"])
parameters = st.sampled_from(
    [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "x-amz-signature",
        "X-Goog-Signature",
        "X-Goog-Credential",
        "AWSAccessKeyId",
        "GoogleAccessId",
        "Signature",
        "sig",
        "token",
        "access_token",
        "api_key",
        "password",
        "secret",
        "client_secret",
        "auth",
    ]
)


@st.composite
def signed(draw: st.DrawFn) -> tuple[str, str]:
    """An address with a secret in it, and the secret as it stands there."""
    scheme, secret = draw(schemes), draw(secrets)
    path = draw(st.sampled_from(["bucket/folder/a.jsonl", "host.example.org/x/*.parquet", "b"]))
    if draw(st.booleans()):
        user = draw(st.sampled_from(["user", "AKIAIOSFODNN7EXAMPLE", ""]))
        return f"{scheme}://{user}:{secret}@{path}", secret
    written = quote(secret, safe=draw(st.sampled_from(["", "/+="])))
    before = draw(st.sampled_from(["", "X-Amz-Date=20260101T000000Z&", "download=1&"]))
    name = draw(parameters)
    name = draw(st.sampled_from([name, name.replace("-", "%2D")]))
    return f"{scheme}://{path}?{before}{name}={written}", written


@given(signed())
def test_an_address_with_credentials_is_refused_and_never_repeated(case: tuple[str, str]) -> None:
    address, secret = case
    assert find_secret(address) is not None
    with pytest.raises(LocationError) as caught:
        parse_url(address)
    told = f"{caught.value} {caught.value.hint} {caught.value.args} {find_secret(address)} {url_fault(address)} {shown(address)}"
    assert secret not in told


@given(signed(), st.text(alphabet=string.ascii_letters + " .:,'\"()[]{}\n", max_size=40), st.text(max_size=20))
def test_what_libraries_say_is_told_without_credentials(case: tuple[str, str], before: str, after: str) -> None:
    address, secret = case
    assume(secret not in before and secret not in after)
    for text in (f"{before} {address} {after}", f"{before}\nGET {address!r}: failed {after}", f"HTTPError('{address}')"):
        assert secret not in redact(text, environment={})
        assert secret not in without_secrets(text)


@given(
    secrets,
    st.sampled_from(["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "MINIO_PASSWORD", "AZURE_STORAGE_ACCOUNT_KEY", "FSSPEC_S3_SECRET"]),
)
def test_values_of_secret_variables_are_taken_out_wherever_they_stand(secret: str, name: str) -> None:
    assert secret not in redact(f"<Message>denied: {secret}x</Message>", environment={name: secret})


@given(secrets)
def test_named_and_shaped_secrets_are_taken_out(secret: str) -> None:
    plain = "".join(c for c in secret if c.isalnum())
    for text in (
        f"S3FileSystem(key='x', secret='{secret}')",
        f'{{"aws_secret_access_key": "{secret}"}}',
        f"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026/s3, Signature={secret}",
        f"'Authorization': 'Bearer {secret}'",
        f"password={secret}",
        f"session_token = {secret}",
        f"the token hf_{plain}{'a' * 16} is not valid",
    ):
        assert secret not in redact(text, environment={}), text
        assert plain not in redact(text, environment={}) or plain == "", text


def test_remembered_values_are_taken_out() -> None:
    remember(["a value of the tests", "abc"])
    assert redact("it said: a value of the tests; abc", environment={}) == f"it said: {HIDDEN}; abc"


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/folder/a.jsonl",
        "s3://bucket/dt=2024-01-0?/x=1/*.jsonl",
        "s3://bucket/user@example.org/a.jsonl",
        "s3://bucket/key=value/a.jsonl",
        "hf://datasets/org/name@refs%2Fconvert%2Fparquet/data/*.parquet",
        "hf://datasets/org/name@main/a.jsonl",
        "abfs://container@account.dfs.core.windows.net/folder/a.jsonl",
        "https://example.org:8080/path/@user/a.jsonl",
        "https://example.org/a.jsonl?download=true",
        "gs://bucket/a b/ä#1.jsonl",
        "memory://x/y",
    ],
)
def test_good_addresses_are_let_through(address: str) -> None:
    assert find_secret(address) is None
    if not address.startswith("https://example.org:8080"):
        assert parse_url(address) == address
    assert redact(f"cannot open {address} now", environment={}) == f"cannot open {address} now"


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/page?id=3&lang=en#part",
        "the licence says: see https://example.org/terms?version=2",
        "key=value pairs, a = b, 2*x=4",
        "holds Megatron token ids in field 'tokens': expected",
        "name the tokenizer: fields: {tokenizer: FILE}",
        "mailto:someone@example.org",
        "git@github.com:org/repo.git",
    ],
)
def test_plain_texts_are_left_alone(text: str) -> None:
    assert find_secret(text) is None
    assert without_secrets(text) == redact(text, environment={}) == text


def test_a_secret_that_begins_like_a_port_is_refused_in_stores_without_ports() -> None:
    for address in ("s3://AKIAIOSFODNN7EXAMPLE:12/abcdefgh@bucket/x", "gs://user:80/secret@bucket/x", "https://user:443/secret@host/x"):
        with pytest.raises(LocationError) as caught:
            parse_url(address)
        assert "abcdefgh" not in str(caught.value)
        assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("s3://", "names no bucket"),
        ("s3:///x", "names no bucket"),
        ("s3://bucket/../x", "empty part"),
        ("s3://bucket//x", "empty part"),
        ("s3://bucket/./x", "empty part"),
        ("s3://bucket/a\nb", "control character"),
        ("simplecache::s3://bucket/x", "chains"),
        ("zip://a.jsonl::s3://bucket/x.zip", "chains"),
        ("s3://bucket:9000/x", "colon"),
        ("https://example.org/x?page=3", "parameters"),
        ("https://example.org/x#part", "fragment"),
        ("bucket/x", "is no URL"),
        ("https://example.org/x?secretvalue", "parameters"),
    ],
)
def test_addresses_that_cannot_be_kept_are_refused_with_the_reason(address: str, fault: str) -> None:
    with pytest.raises(LocationError, match=fault):
        parse_url(address)


AWS_KEY, HUB_TOKEN = "AKIA" + "IOSFODNN7EXAMPLE", "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ"


@pytest.mark.parametrize(
    "text",
    [
        f"because {AWS_KEY} was used",
        f"key {HUB_TOKEN}",
        "HF_TOKEN=hf_" + "abc123def456ghi7",
        "password=hunter2",
        "the password: hunter22",
        "client_secret = Zk93jd02",
        "api-key='0a1b2c3d4e'",
        "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1",
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    ],
)
def test_a_credential_in_free_text_is_found_and_never_repeated(text: str) -> None:
    found = find_written_secret(text)
    assert found is not None
    assert not any(len(word) > 6 and word in found for word in text.replace("=", " ").split() if any(c.isdigit() for c in word))


@pytest.mark.parametrize(
    "text",
    [
        "password reset tickets",
        "token: how many words a text has",
        "max_token=512, eos_token=</s>, pad_token=[PAD]",
        "secret: the garden behind the wall",
        "password=none",
        "hf_finewebedusample10bt",
        "signature pages of treaties; credentials of teachers",
        "--tokens-field=input_ids",
        "keys/public-key.pem",
        "--passphrase-file=opens-it.txt",
    ],
)
def test_ordinary_words_are_no_credential(text: str) -> None:
    assert find_written_secret(text) is None
