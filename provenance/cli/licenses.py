"""``provenance licenses``: what a licence name means and permits, and which licences a dataset's own files state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, visible
from provenance.model.absence import TriState, is_absent
from provenance.model.claims import Evidence, LicenseClaim

if TYPE_CHECKING:
    from provenance.model.license_detection import FileLicenses, LicenseConflict, LicenseDetection
    from provenance.model.match import ReadProblem

_CONFLICTS_SHOWN = 10
_RECORDED = 240
"""Characters of the files' own wording that are recorded."""
_QUOTED = 60
_NOTHING, _SOME_FAILED = 3, 4
"""Exit codes."""


@click.group()
def licenses() -> None:
    """Look up licences."""


@licenses.command("list")
@text_or_json
@pass_context
def list_licenses(ctx: CommandContext, /, output: str) -> int:
    """List the licences in the catalogue."""
    from provenance.bootstrap import any_workspace

    classes = any_workspace(ctx.start).licenses.classes
    rows = [(c.id, c.use, c.attribution, c.share_alike, c.no_derivatives) for _, c in sorted(classes.items())]
    columns = ("licence", "use", "attribution", "share-alike", "no derivatives")
    if output == "json":
        say_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        say_table(columns, rows)
    return 0


@licenses.command("show")
@click.argument("name")
@click.option("--commercial/--non-commercial", default=True, show_default=True, help="What the trained model is for.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, commercial: bool, output: str) -> int:
    """Say what NAME, an expression or what a card says, means for training."""
    from provenance.bootstrap import any_workspace

    catalog = any_workspace(ctx.start).licenses
    value, original = catalog.normalize(name)
    found = catalog.assess(value, TriState.of(commercial))
    if output == "json":
        say_json({"license": value, "original": original, "assessment": found})
        return 0
    say(f"{value}  (written {visible(original)!r})", bold=True)
    say(f"  {found.this_use} for {'commercial' if commercial else 'non-commercial'} training · class {found.use}")
    say(f"  attribution {found.attribution} · share-alike {found.share_alike} · no derivatives {found.no_derivatives}")
    for unknown in found.unknown_ids:
        say(f"  {visible(unknown)} is not in the catalogue: add it to a folder named under licenses in provenance.toml")
    return 0


@licenses.command("detect")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--dataset", metavar="NAME", help="Record what the files say as facts of this registered dataset.")
@text_or_json
@pass_context
def detect(ctx: CommandContext, /, paths: tuple[Path, ...], dataset: str | None, output: str) -> int:
    """Say which licences files state: LICENSE, COPYING, NOTICE, README and cards of a folder, or any file by name.

    A text is compared with the licences of the SPDX list. One with words added or left out is not that licence and is listed as LicenseRef-modified-…, and what
    stands in a licence file and is no known licence as UNKNOWN. Files that disagree are named. With --dataset the findings are recorded: an audit then goes by the
    strictest of what is declared and found, and names the conflict (rule L004).

    Exit codes: 0 done, 3 no such file in the folders, 4 some could not be read.
    """
    from provenance.bootstrap import any_workspace
    from provenance.ingest.license_files import detect_folder
    from provenance.licensing.conclusion import join_all
    from provenance.licensing.conflicts import claims_of_files, conflicts

    catalog = any_workspace(ctx.start).licenses
    looked = [(ctx.path(path), detect_folder(ctx.path(path), catalog=catalog)) for path in paths]
    files = [file for _, found in looked for file in found]
    claims = claims_of_files(files)
    disagree = conflicts(claims, catalog=catalog)
    together = join_all(file.expression for file in files)
    unkept = _record(ctx, dataset, together, claims, looked) if dataset is not None and files else ()
    if output == "json":
        say_json({"files": files, "conflicts": disagree, "license": together})
    else:
        _say_files(files, disagree)
        if files:
            say_fitting(f"{counted(len(files), 'file')}, together {visible(together)}", err=True)
            next_step(_next(files, disagree, together), quiet=ctx.quiet)
    if not files:
        say("no LICENSE, COPYING, NOTICE, README or card there: name a file", err=True)
        return _NOTHING
    return _SOME_FAILED if unkept or any(file.problem for file in files) else 0


def _record(
    ctx: CommandContext, dataset: str, together: str, claims: Sequence[LicenseClaim], looked: Sequence[tuple[Path, Sequence[FileLicenses]]]
) -> tuple[ReadProblem, ...]:
    """Record what files state, and keep the files; return which are not kept."""
    from provenance.audit.detected import FILE, keep_files, record_detected

    tools = ctx.workspace().tools(ctx.progress(), ctx.actor)
    places = {file.sha256: (base / file.path if base.is_dir() else base, file.path) for base, found in looked for file in reversed(found)}
    stated = [replace(claim, by=f"{FILE}{claim.by}", evidence=_named(claim.evidence, places)) for claim in claims]
    original = "; ".join(dict.fromkeys(claim.original for claim in claims if claim.original))
    evidence, unkept = keep_files([file for _, found in looked for file in found], stated, places, tools)
    found = LicenseClaim(value=together, original=original[:_RECORDED], by="files", evidence=evidence)
    version = record_detected(dataset, found, stated, tools)
    declared = version.dataset.license.declared.value
    differs = "" if declared == together else f"; declared is {visible(declared)}"
    say_fitting(f"recorded for {visible(dataset)}: its files say {visible(together)}{differs}", err=True)
    for problem in unkept:
        say(f"! {visible(problem.path)}: {visible(problem.message)}", err=True)
    return unkept


def _named(evidence: Evidence, places: Mapping[str, tuple[Path, str]]) -> Evidence:
    return replace(evidence, snapshot=places[evidence.sha256][1]) if evidence.sha256 in places else evidence


def _say_files(files: Sequence[FileLicenses], disagree: Sequence[LicenseConflict]) -> None:
    for file in files:
        say_fitting(f"{visible(file.path)}  {visible(file.expression)}", bold=True)
        for found in file.detections:
            say_fitting(f"  {_line(found)}")
            if found.note:
                say_fitting(f"    {visible(found.note)}")
        if file.problem:
            say_fitting(f"  ! {visible(file.problem)}")
    for conflict in disagree[:_CONFLICTS_SHOWN]:
        say_fitting(f"Conflict ({conflict.kind}): {visible(conflict.sentence)}", bold=True)
        say_fitting(f"  → the strictest that is known: {visible(conflict.strictest)}")
    if len(disagree) > _CONFLICTS_SHOWN:
        say_fitting(f"… and {len(disagree) - _CONFLICTS_SHOWN} more pairs of files that disagree: -f json lists them all")


def _line(found: LicenseDetection) -> str:
    quoted = " ".join(visible(found.original, keep_newlines=True).split())
    cut = quoted if len(quoted) <= _QUOTED else f"{quoted[:_QUOTED]}…"
    sure = f" · {found.score:.1%} alike" if found.method.value.endswith("text") else ""
    return f"{visible(found.expression)} · {found.method}{sure} · characters {found.start}–{found.end} · {cut}"


def _next(files: Sequence[FileLicenses], disagree: Sequence[LicenseConflict], together: str) -> str:
    """Return what to do now."""
    if any(d.method.value in {"unrecognised", "modified-text"} for file in files for d in file.detections):
        return "read the words that are named, and say what they permit: an entry in a folder that licenses in provenance.toml names"
    if disagree:
        return "ask who publishes the data which of them holds, and declare the licence in datasets.yaml"
    if is_absent(together):
        return "ask who publishes the data, and declare the licence in datasets.yaml"
    return f"provenance licenses show {visible(together)!r}"
