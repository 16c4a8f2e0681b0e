"""The gate: what a launch of training costs. Wall times of whole processes are the best of several, since other work only adds to them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from provenance.clearance.check import default_manifest_path
from provenance.clearance.keys import generate_key
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Clearance, Issuer
from provenance.clearance.trust import Trust, load_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.fingerprint.digest import ShardLeaf, hash_file, manifest_bytes, merkle_root
from provenance.model.finding import VerdictKind

ROUNDS = 9
NOW = "2026-06-01T00:00:00Z"
SHARD_BYTES = 200_000_000


def best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def python(code: str) -> float:
    return best(lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True))


def make_world(folder: Path) -> tuple[Path, Path]:
    """Write a shard, its manifest, a trust file and a clearance; return the clearance's and the trust file's paths."""
    data = folder / "data"
    data.mkdir()
    shard = data / "a.bin"
    shard.write_bytes(bytes(SHARD_BYTES))
    digest, size = hash_file(shard)
    leaves = (ShardLeaf(path="a.bin", sha256=digest, size_bytes=size),)
    key = generate_key()
    trusted = key.trusted(name="bench", roles=("issuer",), not_before="2020-01-01T00:00:00Z", not_after="2099-01-01T00:00:00Z")
    trust = folder / "trust.json"
    trust.write_bytes(trust_bytes(Trust(keys=(trusted,), thresholds=(("issuer", 1),))))
    some = "sha256:" + "1" * 64
    clearance = Clearance(
        manifest_root=merkle_root(leaves),
        audit=some,
        run_digest=some,
        policy_digests=(some,),
        terms_catalog_digest=some,
        index_digests=(),
        verdict=VerdictKind.CLEARED,
        conditions=(),
        issued="2026-01-01T00:00:00Z",
        not_before="2026-01-01T00:00:00Z",
        expires="2098-01-01T00:00:00Z",
        issuer=Issuer(name="bench", role="issuer"),
    )
    path = folder / "x.clearance.json"
    path.write_bytes(issue_clearance(clearance, key))
    default_manifest_path(path).write_bytes(manifest_bytes(leaves))
    return path, trust


def main() -> None:
    bare = python("pass")
    figures = {
        f"import {name}, ms over a bare interpreter": round(1000 * (python(f"import {name}") - bare), 1)
        for name in ("provenance.hooks", "provenance.hooks.gate")
    }
    figures["provenance --help, ms"] = round(1000 * python("import sys; sys.argv[1:] = ['--help']; from provenance.cli.main import main; main()"), 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, trust = make_world(folder)
        raw, trusted = path.read_bytes(), load_trust(trust)
        figures["verify a clearance in process, ms"] = round(1000 * best(lambda: verify_clearance(raw, trusted, NOW)), 3)
        launch = [
            sys.executable,
            "-m",
            "provenance.hooks.launcher",
            "--clearance",
            str(path),
            "--root",
            str(folder / "data"),
            "--trust",
            str(trust),
            "--",
            "true",
        ]
        figures[f"launch over {SHARD_BYTES // 1_000_000} MB, s"] = round(best(lambda: subprocess.run(launch, check=True, capture_output=True)), 3)
        (folder / "data" / "extra").write_bytes(b"x")
        figures["denial, s"] = round(best(lambda: subprocess.run(launch, check=False, capture_output=True)), 3)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
