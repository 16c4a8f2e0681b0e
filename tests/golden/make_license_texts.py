"""Makes ``policies/licenses/spdx`` from the npm package ``spdx-license-list`` (CC0-1.0), or checks that it is what the package gives.

``npm pack spdx-license-list@6.12.0 && tar xzf spdx-license-list-6.12.0.tgz && python tests/golden/make_license_texts.py package [--check]``
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import license_expression

FOLDER = Path(__file__).parents[2] / "policies" / "licenses" / "spdx"


def main(package: Path, *, check: bool) -> int:
    """Write or check both files."""
    release = "spdx-license-list " + json.loads((package / "package.json").read_text())["version"]
    entries = {path.stem: json.loads(path.read_text()) for path in sorted((package / "licenses").glob("*.json"))}
    current = {key: entry for key, entry in entries.items() if key not in replaced()}
    groups = same_texts(current)
    names = {key: {"name": entry["name"], "url": entry.get("url", "")} for key, entry in current.items()}
    texts = {key: current[key]["licenseText"] for key in sorted(groups)}
    same = {key: sorted(others) for key, others in sorted(groups.items()) if others}
    listed = {"format": "provenance.license-names", "version": 1, "release": release, "names": names}
    bundled = {"format": "provenance.license-texts", "version": 1, "release": release, "same": same, "texts": texts}
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    files = {
        "names.json": (json.dumps(listed, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode(),
        "texts.json.xz": lzma.compress(json.dumps(bundled, ensure_ascii=False, sort_keys=True).encode(), filters=filters),
    }
    if check:
        return int(any(contents(name, (FOLDER / name).read_bytes()) != contents(name, raw) for name, raw in files.items()))
    for name, raw in files.items():
        (FOLDER / name).write_bytes(raw)
    return 0


def contents(name: str, raw: bytes) -> bytes:
    """Return what a file holds: other versions of liblzma pack otherwise."""
    return lzma.decompress(raw) if name.endswith(".xz") else raw


def replaced() -> set[str]:
    """Return the ids that SPDX has replaced by others, as the package ``license-expression`` lists them."""
    return {old for entry in license_expression.get_license_index() for old in entry["other_spdx_license_keys"]}


def same_texts(entries: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Return the id that stands for each text, and the other ids of the same text. "Only" stands for "or later" too: the text does not tell."""
    groups: dict[str, list[str]] = {}
    for key, entry in entries.items():
        groups.setdefault(" ".join(entry["licenseText"].lower().split()), []).append(key)
    return {best: [k for k in keys if k != best] for keys in groups.values() for best in [min(keys, key=rank)]}


def rank(key: str) -> tuple[bool, int, str]:
    """Order the ids of one text."""
    return not (key.endswith("-only") and "invariants" not in key), len(key), key


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), check="--check" in sys.argv[2:]))
