"""What it costs to bring scans up to date when references come or go, against scanning anew.

usage: python benchmarks/rescan.py [--json OUT]

Corpora and references are those of benchmarks/scan.py. They are scanned against all references but one small part of them, which is then added as a set of
its own and removed again: 40 answers (two where the sample serves), and one work. Each time the shards are scanned with the earlier scans at hand and, in a
fresh workspace, without; what both keep must be the same. CPU seconds are user and system time of whole scans in one process: files read, hashed and matched,
evidence written and synced. The first scan, of which the figures are not shown, compiles the kernels and checks the index.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scan import DEV, SAMPLE, Reference, corpora, outputs, works

from provenance.audit.scan import Finders, ScanOutcome, scan_registered, target_of
from provenance.bootstrap import Workspace
from provenance.cli.progress import BarProgress
from provenance.matching.cascade import CascadeMatcher
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.reference import ReferenceKind
from provenance.workspaces import temporary_workspace

DATA = DEV if DEV.is_dir() else SAMPLE
SETS = ["outputs", "works"]


def new_workspace(folder: Path, references: Path) -> Workspace:
    made = temporary_workspace(folder, data=DATA)
    return Workspace(replace(made.settings, references=references))


def describe(workspace: Workspace, paths: Sequence[str]) -> DatasetVersion:
    shards = tuple(workspace.listing.describe(Path(path).relative_to(DATA).as_posix(), root="data") for path in paths)
    return DatasetVersion(dataset=Dataset(name="corpus"), root_digest="", shards=shards, created="")


def scan(workspace: Workspace, version: DatasetVersion, matcher: CascadeMatcher) -> tuple[list[ScanOutcome], float]:
    tools = workspace.tools(BarProgress(quiet=True), "benchmark", jobs=1)
    targets = [target_of(version, shard, tools.listing) for shard in version.shards]
    cpu = time.process_time()
    outcomes = scan_registered(targets, Finders(matcher, tools.suspects), tools)
    return outcomes, time.process_time() - cpu


def kept(outcomes: Sequence[ScanOutcome]) -> list[Any]:
    return [(replace(o.result, finished=""), tuple(o.matches)) for o in outcomes if o.result is not None]


def compare(folder: Path, paths: Sequence[str], added: Sequence[Reference], kind: ReferenceKind) -> list[dict[str, Any]]:
    """Return, for what is added and removed again, the CPU seconds of both ways to scan."""
    lasting = new_workspace(folder / "lasting", folder / "references")
    version, store = describe(lasting, paths), lasting.references
    names = {reference.record.id for reference in added}
    store.add("outputs", (r for r in outputs() if r.record.id not in names), kind=ReferenceKind.API_OUTPUT)
    store.add("works", (r for r in works() if r.record.id not in names), kind=ReferenceKind.WORK)
    scan(lasting, version, lasting.matcher(SETS))
    rows = []
    for step in ("added", "removed"):
        if step == "added":
            store.add("added", added, kind=kind)
        else:  # the scan from before it was added is not to serve
            store.add(
                "works",
                [Reference(replace(added[0].record, id="one more", kind=ReferenceKind.WORK), "a work of six words only")],
                kind=ReferenceKind.WORK,
            )
        chosen = ["added", *SETS] if step == "added" else SETS
        matcher = lasting.matcher(chosen)
        carried, cpu = scan(lasting, version, matcher)
        anew, whole = scan(new_workspace(folder / step, folder / "references"), version, lasting.matcher(chosen))
        if kept(carried) != kept(anew):
            raise SystemExit(f"{step}: the two scans differ")
        rows.append({"step": step, "updated": sum(o.updated for o in carried), "carried_s": cpu, "anew_s": whole, "ratio": whole / cpu})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    answers = list(outputs())
    few = answers[-40:] if DEV.is_dir() else answers[-2:]
    changes = (("answers", few, ReferenceKind.API_OUTPUT), ("work", [next(works())], ReferenceKind.WORK))
    print("| corpus | what | step | shards updated | CPU s, anew | CPU s, carried over | ratio |")
    print("|---|---|---|--:|--:|--:|--:|")
    found = []
    for corpus, paths in corpora().items():
        for what, added, kind in changes:
            with tempfile.TemporaryDirectory() as folder:
                for row in compare(Path(folder), paths, added, kind):
                    print(
                        f"| {corpus} | {what} | {row['step']} | {row['updated']} of {len(paths)} | {row['anew_s']:.2f} | {row['carried_s']:.2f} | {row['ratio']:.1f} |",
                        flush=True,
                    )
                    found.append({"corpus": corpus, "what": what, **row})
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
