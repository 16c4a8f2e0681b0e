"""Add a waiver to a file of waivers, and change nothing else in it: comments and order stay as people wrote them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from provenance.documents import parse_document
from provenance.errors import DocumentError, WaiverError
from provenance.model.waiving import SignedWaiver
from provenance.model.wire import to_wire
from provenance.policy.waivers import WAIVERS_FORMAT, WAIVERS_VERSION, load_signed_waivers

_HEAD = f"format: {WAIVERS_FORMAT}\nversion: {WAIVERS_VERSION}\nwaivers:\n"


def add_to_file(item: SignedWaiver, path: Path) -> bool:
    """Add a waiver at the end of a file, which is made where it is not there; tell whether it is new.

    Raises:
        WaiverError: If the file is malformed, holds another waiver of this id, or is written so that nothing can be added at its end.
    """
    known = load_signed_waivers(path) if path.exists() else ()
    same = next((w for w in known if w.waiver.id == item.waiver.id), None)
    if same is not None and same.waiver != item.waiver:
        raise WaiverError(f"{path}: another waiver {item.waiver.id!r} is there already", hint="give this one another id: --id")
    if same is not None:
        return False
    before = path.read_text(encoding="utf-8-sig") if path.exists() else _HEAD
    entry = waiver_yaml(item)
    for text in _candidates(before, entry):
        if _holds(text, [*(w.waiver.id for w in known), item.waiver.id]):
            _write(path, text)
            load_signed_waivers(path)
            return True
    raise WaiverError(f"{path}: nothing can be added at its end", hint=f"put waivers: last in it, as a list of lines, or add by hand:\n{entry}")


def waiver_yaml(item: SignedWaiver) -> str:
    """Return the entry of a waiver, as a file holds it: JSON texts are YAML texts."""
    wire = to_wire(item.waiver)
    if item.signature is not None:
        wire["signature"] = to_wire(item.signature)
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in wire.items()]
    return "".join(f"  {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))


def _candidates(before: str, entry: str) -> Iterator[str]:
    text = before if before.endswith("\n") else before + "\n"
    yield text + entry
    yield text + "".join(line.removeprefix("  ") + "\n" for line in entry.splitlines())
    head, found, rest = text.rpartition("waivers: []\n")
    if found and not rest.strip():
        yield f"{head}waivers:\n{entry}{rest}"


def _holds(text: str, ids: list[str]) -> bool:
    try:
        raw = parse_document(text.encode("utf-8"), where="waivers")
    except DocumentError:
        return False
    items = raw.get("waivers") if isinstance(raw, dict) else None
    return isinstance(items, list) and [i.get("id") if isinstance(i, dict) else None for i in items] == ids


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
