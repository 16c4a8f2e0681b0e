"""The gate: what a launch of training costs. Wall times of whole processes are the best of several, since other work only adds to them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from provenance.clearance.check import default_manifest_path
from provenance.clearance.keys import generate_key
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Basis, Clearance, Issuer
from provenance.clearance.trust import Trust, load_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.fingerprint.digest import ShardLeaf, hash_file, manifest_bytes, merkle_root, parse_manifest
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


def sample(root: str) -> Clearance:
    """Return a clearance of a shard manifest."""
    some = "sha256:" + "1" * 64
    return Clearance(
        manifest_root=root,
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
    clearance = sample(merkle_root(leaves))
    path = folder / "x.clearance.json"
    path.write_bytes(issue_clearance(clearance, key))
    default_manifest_path(path).write_bytes(manifest_bytes(leaves))
    return path, trust


def many_shards() -> float:
    """Return the CPU seconds that a clearance of 10,000 shards costs in process without hashing: manifest, Merkle root, signature and content."""
    some, key = "sha256:" + "1" * 64, generate_key()
    leaves = tuple(
        ShardLeaf(path=f"crawl/part-{i // 1000:03}/shard-{i:06}.jsonl.zst", sha256=f"sha256:{i:064x}", size_bytes=10**8 + i) for i in range(10_000)
    )
    manifest, root = manifest_bytes(leaves), merkle_root(leaves)
    basis = Basis(
        audit_id=some,
        requested_by="bench",
        run_file_digest=some,
        licenses_catalog_digest=some,
        scans_digest=some,
        findings_digest=some,
        waiver_digests=(),
    )
    raw = issue_clearance(replace(sample(root), rests_on=basis), key)
    trusted = key.trusted(name="bench", roles=("issuer",), not_before="2020-01-01T00:00:00Z", not_after="2099-01-01T00:00:00Z")
    trust = Trust(keys=(trusted,), thresholds=(("issuer", 1),))

    def verify() -> None:
        clearance = verify_clearance(raw, trust, NOW)
        assert parse_manifest(manifest)[1] == clearance.manifest_root

    times = []
    for _ in range(3 * ROUNDS):
        start = time.process_time()
        verify()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    bare = python("pass")
    figures = {
        f"import {name}, ms over a bare interpreter": round(1000 * (python(f"import {name}") - bare), 1)
        for name in ("provenance.hooks", "provenance.hooks.gate")
    }
    figures["verify a clearance of 10,000 shards in process, no hashing, ms of CPU"] = round(1000 * many_shards(), 1)
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
