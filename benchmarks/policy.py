"""What judging a run of very many shards costs: gathering the facts, judging them by thirty rules for shards, and memory.

    python -m benchmarks.policy [--shards 10000 1000000] [--violated]

Ten datasets, of which every shard was scanned and holds no match. Thirty rules for each shard beside the shipped ones; with --violated each shard breaks one of them. Each
size runs in a process of its own, which says what the judged datasets took before (they are the input, held by an audit anyway) and the peak after (ru_maxrss).
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from provenance.audit.facts import gather_facts
from provenance.audit.judged import JudgedDataset, JudgedShard
from provenance.audit.judgements import Catalogs
from provenance.audit.scan import ScanOutcome, ShardToScan
from provenance.audit.states import CheckedShard, ShardState
from provenance.config import shipped
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion, LicenseClaim, LicenseFacts, Shard
from provenance.model.match import ScanResult
from provenance.model.reference import ReferenceRecord
from provenance.model.run import ModelPlan, Organization, Purpose, Run, RunData
from provenance.policy.bundle import load_bundles
from provenance.policy.engine import Judging

DATASETS = 10
RULE = """  - {{id: B{n:03}, title: t, for_each: shard, require: '{condition}', action: deny, message: "{{shard.path}}: {{shard.words}} words", remedies: [drop, waive]}}
"""
CONDITIONS = (
    'shard.state == "unchanged" && shard.words < {n}00000000',
    'shard.license.use in ["public-domain", "commercial"] || shard.words == {n}',
    'dataset.share <= 0.{n} || run.commercial == "YES"',
    'shard.synthetic == "NO" && shard.license.this_use != "PROHIBITED" && shard.unread_records < {n}',
    'shard.terms.this_use == "ALLOWED" || shard.synthetic == "NO" || shard.left_out_fields > {n}',
)


def write_rules(folder: Path, *, violated: bool) -> Path:
    conditions = [CONDITIONS[i % len(CONDITIONS)].replace("{n}", str(i + 1)) for i in range(30)]
    if violated:
        conditions[0] = "shard.words < 10"
    rules = "".join(RULE.format(n=i, condition=c) for i, c in enumerate(conditions))
    path = folder / "thirty.yaml"
    path.write_text(f"format: provenance.policy\nversion: 1\nname: thirty\nrelease: 1.0.0\nrules:\n{rules}", encoding="utf-8")
    return path


def scan_result(shard: Shard) -> ScanResult:
    return ScanResult(
        id=shard.sha256,
        path=shard.path,
        shard=shard.sha256,
        index_digests=(),
        scheme="s",
        records=1000,
        documents=1000,
        words=200_000,
        text_bytes=1_000_000,
        matches=0,
        alarms=0,
    )


def judged_datasets(total: int) -> tuple[JudgedDataset, ...]:
    found = []
    for d in range(DATASETS):
        facts = Dataset(name=f"d{d}", license=LicenseFacts(declared=LicenseClaim(value="CC0-1.0")), synthetic=TriState.NO)
        shards = []
        for i in range(total // DATASETS):
            digest = "sha256:" + hashlib.sha256(f"{d}/{i}".encode()).hexdigest()
            shards.append(Shard(path=f"d{d}/{i:07}.jsonl.zst", sha256=digest, size_bytes=10_000_000 + i, records=1000, words=200_000 + i % 5000))
        version = DatasetVersion(dataset=facts, root_digest=digest, shards=tuple(shards), created="2026-01-01T00:00:00Z")
        judged = []
        for shard in shards:
            target = ShardToScan(dataset=facts, shard=shard, location=shard.path, beside=())
            result = scan_result(shard)
            outcome = ScanOutcome(target=target, result=result, matches=(), reused=True)
            judged.append(JudgedShard(checked=CheckedShard(shard=shard, state=ShardState.UNCHANGED), outcome=outcome, references=1))
        found.append(JudgedDataset(named=RunData(dataset=f"d{d}", weight=1 / DATASETS), name=f"d{d}", version=version, shards=tuple(judged)))
    return tuple(found)


def no_reference(_reference_set: str, _reference: str) -> ReferenceRecord:
    raise LookupError


def measure(total: int, *, violated: bool) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as name:
        bundles = load_bundles([write_rules(Path(name), violated=violated)])
    catalogs = Catalogs(terms=load_terms((shipped("policies") / "terms",)), licenses=load_licenses((shipped("policies") / "licenses",)))
    run = Run(model=ModelPlan(name="m"), purpose=Purpose(commercial=TriState.YES), organization=Organization(), data=(), references=("r",))
    datasets = judged_datasets(total)
    gc.collect()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.process_time()
    gathered = gather_facts(run, datasets, catalogs, no_reference, today="2026-11-30")
    gathered_s = time.process_time() - began
    judging = Judging(bundles, gathered.facts, (), "2026-11-30")
    evaluation = judging.finish()
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "shards": total,
        "gather_s": gathered_s,
        "all_s": took,
        "before_mb": before,
        "peak_mb": peak,
        "findings": len(evaluation.findings),
        "size": sum(f.size for f in evaluation.findings),
        "verdict": evaluation.verdict.value,
        "digest": evaluation.facts_digest,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--violated", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measure(given.shards[0], violated=given.violated)))
        return
    print(
        "| shards | facts gathered, CPU s | and judged, CPU s | MB before | MB at most | findings listed, of | digest of facts |\n|--:|--:|--:|--:|--:|--:|---|"
    )
    for total in given.shards:
        arguments = [sys.executable, "-m", "benchmarks.policy", "--here", "--shards", str(total), *(["--violated"] if given.violated else [])]
        row = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
        cells = (
            f"{row['gather_s']:.2f}",
            f"{row['all_s']:.2f}",
            f"{row['before_mb']:.0f}",
            f"{row['peak_mb']:.0f}",
            f"{row['findings']:,}, {row['size']:,}",
        )
        print(f"| {total:,} | {' | '.join(cells)} | {row['digest'][7:19]} |", flush=True)


if __name__ == "__main__":
    main()
