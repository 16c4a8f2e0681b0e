"""Write the sample reports in ``reports/samples``, or with ``--check`` tell whether this version would still write the same bytes.

Run from the repository's root: ``make golden``. The audits are of ``examples/sample``, played as ``examples/demo.py`` does; what depends on the day and the
machine is set: the time, the commit, and the head of the log. The pages, tables and manifests are made from these records alone; ``--pages`` makes only them
again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from provenance.audit.portfolio import AuditPoint, DatasetUse, ModelHistory, Portfolio
from provenance.cli.audits import parse_audit
from provenance.model.audit import AuditRecord
from provenance.report.disclosure.answers import load_answers
from provenance.report.disclosure.california import california_document
from provenance.report.disclosure.combined import combine
from provenance.report.disclosure.eu import make_eu_summary
from provenance.report.disclosure.sources import Judged
from provenance.report.disclosure.template import load_template
from provenance.report.disclosure.views import render_disclosure_html, render_disclosure_markdown, render_domains
from provenance.report.folder import write_report
from provenance.report.portfolio import render_portfolio

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "reports" / "samples"
COMMAND = "make golden"
_TIMES = {"blocked": "2026-12-01T09:00:00Z", "cleared": "2026-12-01T10:00:00Z"}
_REFERENCES = (
    ("known-outputs", "references/cumulus-outputs.jsonl", "references/stratus-outputs.jsonl", "--kind", "api-output", "--text-field", "output"),
    ("novels", "references/the-man-who-was-thursday.txt", "--kind", "work", "--id-template", "work:{stem}", "--title", "The Man Who Was Thursday",
     "--author", "G. K. Chesterton", "--holder", "Example House (fictitious)", "--license", "LicenseRef-all-rights-reserved"),
)  # fmt: skip


def play(work: Path) -> dict[str, AuditRecord]:
    """Return the records of the sample's two audits, made in an empty folder, with what depends on day and machine set."""
    shutil.copytree(ROOT / "examples" / "sample", work, dirs_exist_ok=True)
    _run(work, "init")
    _run(work, "register", "--manifest", "datasets.yaml")
    for reference in _REFERENCES:
        _run(work, "reference", "add", *reference)
    blocked = _audit(work, 11)
    _run(work, "remedy", "drop", "--rule", "D002", "--rule", "C001", "--apply")
    shutil.copy(work / "mended" / "datasets.yaml", work / "datasets.yaml")
    _run(work, "register", "--manifest", "datasets.yaml")
    found = {"blocked": blocked, "cleared": _audit(work, 0)}
    return {name: _settled(record, _TIMES[name]) for name, record in found.items()}


def _run(work: Path, *arguments: str, expect: int = 0) -> bytes:
    command = [sys.executable, "-m", "provenance.cli.main", "-q", *arguments]
    done = subprocess.run(command, cwd=work, capture_output=True, check=False, env=None)
    if done.returncode != expect:
        sys.exit(f"{' '.join(arguments)}: expected exit code {expect}, got {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def _audit(work: Path, expect: int) -> AuditRecord:
    return parse_audit(_run(work, "audit", "run.yaml", "--no-report", "-f", "json", expect=expect), where="the sample's audit")


def _settled(record: AuditRecord, created: str) -> AuditRecord:
    return replace(
        record, created=created, command="provenance audit run.yaml", run_file="", log_head="UNKNOWN", tool=replace(record.tool, commit="UNKNOWN")
    )


def read_records() -> dict[str, AuditRecord]:
    """Return the records as they are committed."""
    return {name: parse_audit((FOLDER / name / "audit.json").read_bytes(), where=f"{name}/audit.json") for name in _TIMES}


def sample_files(found: dict[str, AuditRecord]) -> dict[str, bytes]:
    """Return every file of the samples by its path, made from the two records."""
    made: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, record in found.items():
            write_report(record, Path(folder) / name, ("html", "json"))
            made |= {f"{name}/{f.name}": f.read_bytes() for f in sorted((Path(folder) / name).iterdir())}
    made |= _disclosures(found["cleared"])
    links = {found["cleared"].id: "../cleared/index.html"}
    made["portfolio/index.html"] = render_portfolio(_portfolio(found), links=links)
    return made


def _disclosures(record: AuditRecord) -> dict[str, bytes]:
    """Return the documents that the law asks for, filled from the cleared audit and the sample's answers, which stand beside them."""
    source = ROOT / "examples" / "sample" / "answers.yaml"
    judged = tuple(Judged(summary=s) for s in record.datasets)  # the sample's datasets were made of no others
    eu = make_eu_summary(record, judged, load_answers(source, load_template("eu-2025-8311"), record.run.model.name))
    california = california_document(record, {}, load_answers(source, load_template("ca-ab2013"), record.run.model.name), judged=judged)
    made = {"disclosures/answers.yaml": source.read_bytes()}
    for name, document in (("eu", eu), ("california", california), ("combined", combine(eu, california))):
        made[f"disclosures/{name}.html"] = render_disclosure_html(document)
        made[f"disclosures/{name}.md"] = render_disclosure_markdown(document)
    return made | {"disclosures/domains.csv": render_domains(eu)}


def _portfolio(found: dict[str, AuditRecord]) -> Portfolio:
    points = tuple(
        AuditPoint(
            id=r.id, created=r.created, verdict=r.verdict, deny=r.totals.deny, review=r.totals.review, warn=r.totals.warn, waived=r.totals.waived
        )
        for r in found.values()
    )
    last = found["cleared"]
    uses = tuple(DatasetUse(name=d.dataset.name, root_digest=d.root_digest, weight=d.weight, open_findings=d.open_findings) for d in last.datasets)
    history = ModelHistory(model=last.run.model.name, audits=points, datasets=uses, terms_changed=False, clearance=None)
    return Portfolio(as_of="2026-12-01T12:00:00Z", models=(history,), waivers=(), terms=(), problems=())


def differing(wanted: dict[str, bytes]) -> list[str]:
    """Return the paths whose committed bytes are others, or that are too many or missing."""
    there = {f.relative_to(FOLDER).as_posix(): f.read_bytes() for f in FOLDER.rglob("*") if f.is_file()} if FOLDER.is_dir() else {}
    return sorted(path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))


def main() -> int:
    if "--pages" in sys.argv:
        wanted = sample_files(read_records())
    else:
        with tempfile.TemporaryDirectory() as folder:
            wanted = sample_files(play(Path(folder)))
    changed = differing(wanted)
    sys.stdout.write("".join(f"{path} differs\n" for path in changed))
    if "--check" in sys.argv:
        return 1 if changed else 0
    for path in changed:
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        if path in wanted:
            (FOLDER / path).write_bytes(wanted[path])
        else:
            (FOLDER / path).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
