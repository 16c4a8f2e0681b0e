"""The wheel holds everything: it is built, installed outside the checkout, and put to work there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("provenance", "migrations", "policies", "reports", "pyproject.toml", "README.md", "LICENSE")
TIMEOUT_S = 300
"""Generous: a fresh install compiles its kernels at the first scan."""

RENDER = """
import json, sys
from pathlib import Path
import provenance
from provenance.config import shipped
from provenance.policy.bundle import load_bundle

from provenance.licensing.classes import shipped_licenses
from provenance.licensing.terms import load_terms
from provenance.registry.upgrade import check, upgrade

url = "sqlite:///" + sys.argv[1]
upgrade(url)
check(url)
bundles = sorted((shipped("policies") / "bundles").glob("*.yaml"))
print(json.dumps({
    "package": str(Path(provenance.__file__).parent),
    "shipped": [str(shipped(n)) for n in ("migrations", "policies", "reports")],
    "bundles": [load_bundle(b).name for b in bundles],
    "licenses": len(shipped_licenses().classes),
    "terms": len(load_terms([shipped("policies") / "terms"]).entries),
    "templates": sorted(p.name for p in (shipped("reports") / "templates").iterdir()),
}))
"""


def clean_environment() -> dict[str, str]:
    """The environment without what would lead Python back to the checkout."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PROVENANCE", "VIRTUAL_ENV", "COV_"))}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=TIMEOUT_S, cwd=cwd, env=clean_environment())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree: a build must not write into the checkout, nor pick up what lies about in it."""
    source = tmp_path_factory.mktemp("source")
    for name in PARTS:
        part = ROOT / name
        if part.is_dir():
            shutil.copytree(part, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(part, source / name)
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, source, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def install(wheel: Path, folder: Path, *, with_libraries: bool) -> Path:
    """Make an environment that holds the wheel, and of the libraries of this one all or none. Return its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    done = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    site = Path(done.stdout.strip())
    assert folder in site.parents
    done = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    if with_libraries:
        # Libraries come from the running environment, but not its editable install of the checkout: .pth files of an added folder are not read.
        here = [p for p in sys.path if p.endswith("site-packages")]
        (site / "libraries.pth").write_text("".join(f"{p}\n" for p in here), encoding="utf-8")
    return python


@pytest.fixture(scope="module")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("full"), with_libraries=True)


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("bare"), with_libraries=False)


def test_the_wheel_carries_its_data_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("migrations", "policies", "reports/templates"):
        mine = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts}
        assert {f"provenance/_shipped/{n}" for n in mine} <= names
    assert "provenance/py.typed" in names
    assert not any(n.startswith(("tests/", "benchmarks/", "examples/", "provenance/_shipped/reports/samples")) for n in names)


def test_the_installed_package_finds_its_data_and_makes_a_registry(full: Path, tmp_path: Path) -> None:
    done = run(full, "-c", RENDER, tmp_path / "registry.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not Path(found["package"]).is_relative_to(ROOT)
    assert [str(Path(p).relative_to(found["package"])) for p in found["shipped"]] == [f"_shipped/{n}" for n in ("migrations", "policies", "reports")]
    assert {"baseline", "commercial-llm", "distillation"} <= set(found["bundles"])
    assert found["licenses"] > 100
    assert found["terms"] > 100
    assert "audit.html.j2" in found["templates"]


def test_the_installed_package_audits_and_writes_its_report(full: Path, tmp_path: Path) -> None:
    data = tmp_path / "corpus" / "notes"
    data.mkdir(parents=True)
    (data / "a.txt").write_text("Water the fern on Tuesdays, and turn it a little towards the window each time.\n", encoding="utf-8")
    done = run(full, "-m", "provenance.cli.main", "check", "corpus", cwd=tmp_path)
    assert done.returncode == 11, done.stdout + done.stderr  # nobody stated a licence
    assert "L001" in done.stdout
    assert any(b"L001" in p.read_bytes() for p in tmp_path.rglob("index.html"))


def test_the_installed_command_line_answers(full: Path, tmp_path: Path) -> None:
    done = run(full, "-m", "provenance.cli.main", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "audit" in done.stdout


def test_the_hooks_work_where_only_this_package_is_installed(bare: Path, tmp_path: Path) -> None:
    assert run(bare, "-c", "import click", cwd=tmp_path).returncode == 1
    done = run(bare, "-c", "import provenance.hooks, provenance.hooks.gate as g; print(g.DENIED_EXIT)", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "77\n"), done.stderr
    (tmp_path / "data").mkdir()
    denied = run(
        bare, "-m", "provenance.hooks.launcher", "--clearance", "none.json", "--root", "data", "--trust", "none.json", "--", "true", cwd=tmp_path
    )
    assert denied.returncode == 77
    assert "Traceback" not in denied.stderr
