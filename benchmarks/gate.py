"""The gate: what a launch of training costs. Times are the best of several, since other work only adds to them; CPU time is what a free machine would take of one thread."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from provenance.clearance.check import default_manifest_path
from provenance.clearance.keys import generate_key
from provenance.clearance.shards import plan_shards, verify_shards
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


def process(line: list[str]) -> tuple[float, float]:
    """Return seconds of wall clock and of CPU that a whole process takes, each the best of several."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(line, check=False, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - start)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return round(min(walls), 3), round(min(cpus), 3)


def python(code: str) -> tuple[float, float]:
    return process([sys.executable, "-c", code])


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


def raw_limit(size_bytes: int, threads: int) -> None:
    """Hash bytes that lie in memory, split evenly over threads: what this machine's SHA-256 can do at most."""
    block = os.urandom(1 << 20)

    def work() -> None:
        state = hashlib.sha256()
        for _ in range(size_bytes // threads >> 20):
            state.update(block)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def write_files(folder: Path, sizes: list[int]) -> list[ShardLeaf]:
    folder.mkdir()
    block, leaves = os.urandom(1 << 20), []
    for number, size in enumerate(sizes):
        path = folder / f"{number:05}.bin"
        with path.open("wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(block[: min(1 << 20, size - at)])
        digest, _ = hash_file(path)
        leaves.append(ShardLeaf(path=path.name, sha256=digest, size_bytes=size))
    return leaves


def hashing(folder: Path) -> dict[str, object]:
    """The full check against the machine's own limit and against reading alone, in turn in one run; pages are in memory."""
    cores, figures = len(os.sched_getaffinity(0)), {}
    shapes = {"8 files of 100 MB": [100 << 20] * 8, "one of 600 MB among 200 of 1 MB": [1 << 20] * 200 + [600 << 20], "one of 800 MB": [800 << 20]}
    for name, sizes in shapes.items():
        data = folder / name.replace(" ", "-")
        leaves, total, threads = write_files(data, sizes), sum(sizes), min(cores, len(sizes))
        check, limit, cat, cpu = [], [], [], []
        for _ in range(5):
            before = time.process_time()
            check.append(once(lambda leaves=leaves, data=data: verify_shards(leaves, [data])))
            middle = time.process_time()
            limit.append(once(lambda total=total, threads=threads: raw_limit(total, threads)))
            cpu.append((middle - before, time.process_time() - middle))
            cat.append(once(lambda data=data: subprocess.run(f"cat {data}/* > /dev/null", shell=True, check=True)))
        figures[f"hash {name}: MB/s, share of the SHA-256 limit by wall and by CPU, limit MB/s, cat MB/s"] = (
            round(total / min(check) / 1e6),
            round(min(limit) / min(check), 3),
            round(min(b for _, b in cpu) / min(a for a, _ in cpu), 3),
            round(total / min(limit) / 1e6),
            round(total / min(cat) / 1e6),
        )
        shutil.rmtree(data)
    return figures


def once(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def small_files(folder: Path) -> dict[str, object]:
    leaves = write_files(folder / "many", [1000] * 10_000)
    figures: dict[str, object] = {
        "10,000 files of 1 kB: names, sizes and links, ms": round(1000 * best(lambda: plan_shards(leaves, [folder / "many"]))),
        "10,000 files of 1 kB: the whole check, ms": round(1000 * best(lambda: verify_shards(leaves, [folder / "many"]))),
    }
    shutil.rmtree(folder / "many")
    return figures


def manifests(folder: Path) -> dict[str, object]:
    figures: dict[str, object] = {}
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom provenance.fingerprint.digest import parse_manifest\n"
        "start = time.process_time(); leaves, _ = parse_manifest(Path(sys.argv[1]).read_bytes()); took = time.process_time() - start\n"
        "print(round(took, 3), int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024)"
    )
    for count in (10_000, 1_000_000):
        file = folder / f"{count}.jsonl"
        with file.open("w") as stream:
            for i in range(count):
                stream.write(f'{{"path":"corpus/part-{i:07}.jsonl","sha256":"sha256:{i * 7919:064x}","size_bytes":{i}}}\n')
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
        figures[f"manifest of {count:,} leaves: CPU s, peak MiB"] = done.stdout.strip()
        file.unlink()
    return figures


def main() -> None:
    bare = python("pass")
    figures: dict[str, object] = {
        f"import {name}, ms over a bare interpreter: wall, CPU": [round(1000 * (a - b)) for a, b in zip(python(f"import {name}"), bare, strict=True)]
        for name in ("provenance.hooks", "provenance.hooks.gate", "provenance.hooks.launcher")
    }
    figures["verify a clearance of 10,000 shards in process, no hashing, ms of CPU"] = round(1000 * many_shards(), 1)
    figures["provenance --help, s: wall, CPU"] = python("import sys; sys.argv[1:] = ['--help']; from provenance.cli.main import main; main()")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, trust = make_world(folder)
        raw, trusted = path.read_bytes(), load_trust(trust)
        figures["verify a clearance in process, ms"] = round(1000 * best(lambda: verify_clearance(raw, trusted, NOW)), 3)
        options = ["--clearance", str(path), "--root", str(folder / "data"), "--trust", str(trust), "--", "true"]
        doors = {"launcher": ["-m", "provenance.hooks.launcher"], "provenance exec": ["-m", "provenance.cli.main", "exec"]}
        launch = [sys.executable, *doors["launcher"], *options]
        figures[f"launch over {SHARD_BYTES // 1_000_000} MB, s: wall, CPU"] = process(launch)
        (folder / "data" / "extra").write_bytes(b"x")
        for door, program in doors.items():
            figures[f"cold denial, {door}, s: wall, CPU"] = process([sys.executable, *program, *options])
        figures |= small_files(folder) | manifests(folder) | hashing(folder)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
