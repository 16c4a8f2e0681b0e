"""Reference sets after damage of any kind: a clear error, or what was there before; never a crash, and never other matches.

Over 1,000 kinds of damage in the short tier, over 20,000 in the full one. A kernel that is given what it must not see would end the process of the tests.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from provenance.canonical import canonical_bytes, digest_of
from provenance.errors import ReferenceIndexError, SchemeMismatchError
from provenance.matching.cascade import open_matcher
from provenance.matching.export import iter_exported
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import add_pack, write_pack
from provenance.matching.params import INDEX_FORMAT, INDEX_VERSION
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_batch, make_reference, make_words

TEXTS = [" ".join(make_words(150, seed)) for seed in range(4)]
ROWS = make_batch([*(f"Before it. {t} After it." for t in TEXTS), TEXTS[0], "nothing of interest"])
GARBAGE: list[Any] = [None, True, 0, 1, -1, 3.5, 4.0, 2**53 - 1, -(2**40), "", "x", "..", "/", "sha256:" + "0" * 64, [], {}, [None], [[]], {"a": 1}]
Operation = Callable[[ReferenceStore], object]


def _match(store: ReferenceStore) -> object:
    return open_matcher(store, ["set"]).match_batch(ROWS, path="p")


def _verify(store: ReferenceStore) -> object:
    return store.verify("set")


def _add_again(store: ReferenceStore) -> object:
    return store.add("set", [make_reference("a", TEXTS[0])], kind=ReferenceKind.WORK)


OPERATIONS: dict[str, Operation] = {
    "match": _match,
    "list": lambda store: list(store.references("set")),
    "show": lambda store: store.show("set"),
    "one": lambda store: open_matcher(store, ["set"]).reference("set", "c"),
}
WITH_TEXT: dict[str, Operation] = {"export": lambda store: list(iter_exported(store, "set")), "add": _add_again}


@pytest.fixture(scope="module", params=["texts", "pack"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two segments, with texts or without."""
    folder: Path = tmp_path_factory.mktemp("sound")
    store = ReferenceStore(folder / "references")
    store.add("set", [make_reference(i, t) for i, t in zip("ab", TEXTS, strict=False)], kind=ReferenceKind.WORK)
    store.add("set", [make_reference(i, t) for i, t in zip("cd", TEXTS[2:], strict=True)], kind=ReferenceKind.WORK)
    if request.param == "texts":
        return store.folder
    write_pack(store, "set", folder / "set.pack", one_in=2)
    packs = ReferenceStore(folder / "packs")
    add_pack(packs, "set", folder / "set.pack")
    return packs.folder


def operations(sound: Path) -> dict[str, Operation]:
    return OPERATIONS | (WITH_TEXT if sound.name == "references" else {})


def flip_bit(raw: bytearray, chance: random.Random) -> bytearray:
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return raw


def cut(raw: bytearray, chance: random.Random) -> bytearray:
    return raw[: chance.randrange(len(raw))]


def overwrite(raw: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(raw))
    raw[at : at + 16] = chance.randbytes(len(raw[at : at + 16]))
    return raw


def lengthen(raw: bytearray, chance: random.Random) -> bytearray:
    return raw + chance.randbytes(chance.randrange(1, 100))


def damaged(sound: Path, folder: Path, rounds: int) -> Iterator[tuple[str, ReferenceStore]]:
    """Damage one file after the other, each in every way."""
    files = sorted(p.relative_to(sound) for p in sound.rglob("*") if p.is_file() and p.name != "lock")
    shutil.copytree(sound, folder)
    for number in range(rounds):
        chance, name = random.Random(number), files[number % len(files)]
        raw = (sound / name).read_bytes()
        how = (flip_bit, cut, overwrite, lengthen)[number // len(files) % 4]
        changed = bytes(how(bytearray(raw), chance))
        (folder / name).write_bytes(changed)
        if changed != raw:
            yield f"{number}: {how.__name__} {name.name}", ReferenceStore(folder)
        (folder / name).write_bytes(raw)


def test_damage_is_an_error_or_changes_nothing(sound: Path, tmp_path: Path, loops: int) -> None:
    expected = {name: operation(ReferenceStore(sound)) for name, operation in operations(sound).items()}
    refused: list[str] = []
    for what, store in damaged(sound, tmp_path / "damaged", 150 * loops):
        for name, operation in operations(sound).items():
            try:
                found = operation(store)
            except ReferenceIndexError as err:
                refused.append(f"{err}; {what}")
            else:
                assert found == expected[name], (what, name)
    assert len(refused) > 150 * loops
    assert [r for r in refused if not any(words in r for words in ("damaged", "not a reference index", "index version"))] == []


def test_damage_is_found_by_verify_and_by_the_first_use(sound: Path, tmp_path: Path, loops: int) -> None:
    for what, store in damaged(sound, tmp_path / "damaged", 150 * loops):
        if "manifest.json" not in what:
            assert store.verify("set"), what
            with pytest.raises(ReferenceIndexError, match="damaged"):
                _match(store)
            continue
        with pytest.raises(ReferenceIndexError, match=r"manifest\.json"):
            store.verify("set")


def replaced(value: Any, chance: random.Random) -> Any:
    """Put garbage, or nothing, in place of some part of a document."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return chance.choice(GARBAGE)
    changed: Any = value.copy()
    key = chance.choice(sorted(value)) if isinstance(value, dict) else chance.randrange(len(value))
    if chance.random() < 0.15:
        del changed[key]
    elif chance.random() < 0.15:
        changed = changed | {"unheard of": 0} if isinstance(changed, dict) else [*changed, chance.choice([*GARBAGE, changed[0]])]
    else:
        changed[key] = replaced(changed[key], chance)
    return changed


def sign(document: Any) -> Any:
    """Give a document its digest, where it can have one."""
    if isinstance(document, dict):
        with suppress(ValueError):
            return document | {"digest": digest_of({k: v for k, v in document.items() if k != "digest"})}
    return document


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_manifest_of_garbage_is_refused_or_changes_no_match(sound: Path, tmp_path: Path, loops: int, is_signed: bool) -> None:
    expected, path = _match(ReferenceStore(sound)), tmp_path / "damaged" / "set" / "manifest.json"
    shutil.copytree(sound, tmp_path / "damaged")
    store = ReferenceStore(tmp_path / "damaged")
    document = orjson.loads(path.read_bytes())
    refused = 0
    for number in range(250 * loops):
        changed = replaced(document, random.Random(number))
        with suppress(ValueError):
            path.write_bytes(canonical_bytes(sign(changed) if is_signed else changed))
        for operation in (_match, _verify, OPERATIONS["list"], OPERATIONS["show"]):
            try:
                found = operation(store)
            except (ReferenceIndexError, SchemeMismatchError):
                refused += 1
                continue
            assert is_signed or changed == document
            if operation is _match and all(changed.get(key) == document[key] for key in ("kind", "segments")):
                assert found == expected, number
    assert refused > 250 * loops


DEEP = f'{{"format": "{INDEX_FORMAT}", "version": {INDEX_VERSION}, "deep": {"[" * 1000 + "]" * 1000}}}'.encode()


@pytest.mark.parametrize("raw", [DEEP, b"[" * 100_000, b"[1]", b"\0" * 4096, b"\xff\xfe"], ids=["deep", "unclosed", "list", "zeros", "not UTF-8"])
def test_a_manifest_that_is_no_document_is_refused(sound: Path, tmp_path: Path, raw: bytes) -> None:
    shutil.copytree(sound, tmp_path / "damaged")
    (tmp_path / "damaged" / "set" / "manifest.json").write_bytes(raw)
    for operation in [*operations(sound).values(), _verify]:
        with pytest.raises(ReferenceIndexError, match=r"manifest\.json"):
            operation(ReferenceStore(tmp_path / "damaged"))
