"""Every document of the sample has the same bytes whatever process, folder, user, language, time zone, umask and order of files it is made in."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.report.pdf import BROWSERS
from tests.golden.make_reports import play

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[2]
FORMATS = ("html", "json", "markdown", "sarif", "junit", "notices", "cyclonedx", "spdx")
_MAKE = '''
import os, sys
from pathlib import Path
workspace, out, now, backwards, umask, formats = sys.argv[1:]
os.umask(int(umask, 8))
listdir, scandir = os.listdir, os.scandir

class Ordered:
    """The entries of a folder in an order of its own."""
    def __init__(self, path="."):
        with scandir(path) as found:
            self.entries = iter(sorted(found, key=lambda e: e.name, reverse=backwards == "1"))
    def __iter__(self): return self.entries
    def __next__(self): return next(self.entries)
    def __enter__(self): return self
    def __exit__(self, *given): pass
    def close(self): pass

os.listdir = lambda path=".": sorted(listdir(path), reverse=backwards == "1")
os.scandir = Ordered
from provenance import bootstrap
bootstrap.SystemClock.now = lambda self: now
from provenance.cli.main import run

def call(*words, codes=(0,)):
    code = run(["-C", workspace, "-q", *words])
    if code not in codes:
        sys.exit(f"{words}: {code}")

with bootstrap.open_workspace(Path(workspace)).units.read() as registry:
    audits = [row[0] for row in registry.audits()]
wanted = [w for name in formats.split(",") for w in ("-f", name)]
for number, audit in enumerate(audits):
    call("report", "make", audit, "-o", f"{out}/audit-{number}", *wanted)
for law in ("eu", "ab2013", "disclosures"):
    call("report", law, "latest", "-o", f"{out}/{law}", codes=(0, 10, 11))
call("report", "letter", "latest", "--to", "Customer AG", "--as", "officer", "-o", f"{out}/letter")
call("report", "index", "-o", f"{out}/index")
for folder in sorted(p for p in Path(out).iterdir()):
    call("report", "verify", str(folder), "--deep")
'''


def _copy(source: Path, target: Path, *, backwards: bool) -> None:
    """Copy a folder, its files made in one order or the opposite one."""
    for path in sorted(source.rglob("*"), reverse=backwards):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)


def _surroundings(home: Path, number: int) -> dict[str, str]:
    first = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "USER": "ada", "LOGNAME": "ada", "COLUMNS": "80"}
    second = {"PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "USER": "root", "LOGNAME": "root", "COLUMNS": "200"}
    changed = (first, second)[number] | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "SOURCE_DATE_EPOCH": str(number * 1_700_000_000)}
    return {**os.environ, **changed, "PYTHONPATH": str(ROOT)}


def test_every_document_of_the_sample_has_the_same_bytes_in_other_surroundings(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    play(work)
    for words in (("keys", "new", "officer", "--no-passphrase"), ("clear", "--as", "officer")):
        subprocess.run([sys.executable, "-m", "provenance.cli.main", "-q", *words], cwd=work, check=True, capture_output=True)
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    formats = ",".join([*FORMATS, *(["pdf"] if any(map(shutil.which, BROWSERS)) else [])])
    outs = []
    for number, name in enumerate(("here", "an other/pläce")):
        place, home = tmp_path / name / "ws", tmp_path / f"home-{number}"
        _copy(work, place, backwards=bool(number))
        home.mkdir()
        outs.append(tmp_path / name / "out")
        outs[-1].mkdir()
        given = (str(place), str(outs[-1]), now, str(number), ("022", "077")[number], formats)
        done = subprocess.run(
            [sys.executable, "-c", _MAKE, *given],
            env=_surroundings(home, number),
            cwd=(ROOT, home)[number],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    first, second = ({p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()} for out in outs)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) > 40
