"""What ``[storage]`` may say: places and names of variables, never a secret."""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path

import pytest

from provenance.config import load_settings
from provenance.errors import ConfigError, StoreError
from provenance.storage.options import StorageOptions, package_options, parse_options
from provenance.storage.secrets import redact
from provenance.storage.stores import Stores
from provenance.storage.urls import parse_url

WRITTEN = """
[roots]
data = "s3://bucket/prefix/"
books = "books"
here = "file:///srv/data"
[storage]
attempts = 2
timeout_s = 7
[storage.s3]
endpoint_url = "https://minio.example.org:9000"
region = "eu-central-1"
addressing = "path"
key_env = "MINIO_KEY"
secret_env = "MINIO_SECRET"
[storage.gs]
anon = true
"""


def test_settings_hold_urls_and_options_but_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "provenance.toml").write_text(WRITTEN)
    settings = load_settings(tmp_path)
    assert dict(settings.roots) == {"data": parse_url("s3://bucket/prefix"), "books": tmp_path / "books", "here": Path("/srv/data")}
    monkeypatch.setenv("MINIO_KEY", "the-key-of-the-tests")
    monkeypatch.setenv("MINIO_SECRET", "the-secret-of-the-tests")
    given = package_options("s3a", settings.storage)
    assert (given["key"], given["secret"], given["endpoint_url"]) == (
        "the-key-of-the-tests",
        "the-secret-of-the-tests",
        "https://minio.example.org:9000",
    )
    assert given["client_kwargs"] == {"region_name": "eu-central-1"}
    assert given["config_kwargs"]["s3"] == {"addressing_style": "path"}
    assert given["config_kwargs"]["read_timeout"] == 7
    assert package_options("gs", settings.storage)["token"] == "anon"
    kept = repr(settings) + repr(Stores(settings.storage)) + pickle.dumps(Stores(settings.storage)).decode("latin-1")
    assert "of-the-tests" not in kept
    assert "of-the-tests" not in redact("it said the-key-of-the-tests and the-secret-of-the-tests", environment={})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"s3": {"secret": "wJalrXUtnFEMI"}}, "secret would be a secret in a file"),
        ({"s3": {"key": "wJalrXUtnFEMI"}}, "key would be a secret in a file"),
        ({"gs": {"token": "wJalrXUtnFEMI"}}, "token would be a secret in a file"),
        ({"s3": {"password": "wJalrXUtnFEMI"}}, "password is not known"),
        ({"s3": {"endpoint_url": "https://user:wJalrXUtnFEMI@host"}}, "endpoint_url holds a credential"),
        ({"s3": {"endpoint_url": "https://host/?sig=wJalrXUtnFEMI"}}, "endpoint_url holds a credential"),
        ({"s3": {"profile": "AKIAIOSFODNN7EXAMPLE"}}, "profile holds a credential"),
        ({"s3": {"secret_env": "wJalrXUtnFEMI/K7MDENG"}}, "must be the name of an environment variable"),
        ({"s3": {"addressing": "wJalrXUtnFEMI"}}, "must be one of auto, path, virtual"),
        ({"s3": {"anon": "wJalrXUtnFEMI"}}, "must be true or false"),
        ({"s3": {"region": 3}}, "must be text"),
        ({"s4": {}}, "holds 's4'"),
        ({"s3": "wJalrXUtnFEMI"}, "holds 's3'"),
        ({"attempts": 0}, "attempts must be a whole number from 1"),
        ({"attempts": True}, "attempts must be a whole number"),
        ({"timeout_s": "wJalrXUtnFEMI"}, "timeout_s must be a whole number"),
        ("wJalrXUtnFEMI", "must be a table"),
    ],
)
def test_secrets_and_unknown_words_are_refused_without_being_repeated(table: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_options(table, where="provenance.toml")
    assert "wJalrXUtnFEMI" not in f"{caught.value} {caught.value.hint}"


def test_a_root_with_credentials_is_refused(tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text('[roots]\ndata = "s3://AKIAIOSFODNN7EXAMPLE:wJalr/XUtnFEMI@bucket/x"\n')
    with pytest.raises(ConfigError, match="data root 'data'") as caught:
        load_settings(tmp_path)
    assert "XUtnFEMI" not in f"{caught.value} {caught.value.hint} {caught.value.__context__}"


def test_a_variable_that_is_named_must_be_set() -> None:
    options = parse_options({"s3": {"secret_env": "NOBODY_SETS_THIS"}}, where="x")
    with pytest.raises(ConfigError, match="NOBODY_SETS_THIS is not set"):
        package_options("s3", options, environment={})


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("fsspec.registry")
    loaded = sys.modules["fsspec.registry"]._registry  # the package's name for it is taken by another object
    for package, address, extra in (("s3fs", "s3://b/x", "s3"), ("gcsfs", "gs://b/x", "gs"), ("huggingface_hub", "hf://datasets/a/b/x", "hf")):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(loaded, extra, raising=False)
        with pytest.raises(StoreError, match=f"needs the package {package}") as caught:
            Stores(StorageOptions(attempts=1, timeout_s=11)).open(parse_url(address))
        assert f"provenance-audit[{extra}]" in str(caught.value.hint)
