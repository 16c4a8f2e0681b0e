"""``provenance licenses``: what a licence name means and permits, and which licences a dataset's own files state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.license_answers import explain, show
from provenance.cli.license_check import check
from provenance.cli.license_mixture import combine
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, visible
from provenance.licensing.license_class import USES
from provenance.model.absence import TriState, is_absent
from provenance.model.claims import Evidence, LicenseClaim

if TYPE_CHECKING:
    from provenance.licensing.license_class import LicenseClass
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


licenses.add_command(show)
licenses.add_command(explain)
licenses.add_command(combine)
licenses.add_command(check)
_STATES = click.Choice(["yes", "no", "unknown"])


@licenses.command("list")
@click.option("--use", "uses", type=click.Choice(USES), multiple=True, metavar="CLASS", help=f"Only licences of this class: {', '.join(USES)}.")
@click.option("--attribution", type=_STATES, default=None, help="Only those that ask for credit, or do not.")
@click.option("--share-alike", type=_STATES, default=None, help="Only those that ask for the same licence, or do not.")
@click.option("--no-derivatives", type=_STATES, default=None, help="Only those that forbid changes, or do not.")
@click.option("--behavioural-restrictions", type=_STATES, default=None, help="Only those with use restrictions to pass on, or without.")
@click.option("--redistribution", type=_STATES, default=None, help="Only those that let data be passed on, or do not.")
@click.option("--outputs-clause", default=None, help="Only those that say this on outputs, such as free.")
@text_or_json
@pass_context
def list_licenses(ctx: CommandContext, /, output: str, uses: tuple[str, ...], outputs_clause: str | None, **axes: str | None) -> int:
    """List the licences in the catalogue, all of them or those that fit every filter."""
    from provenance.bootstrap import any_workspace

    wanted = {axis: TriState(state.upper()) for axis, state in axes.items() if state is not None}
    catalog = any_workspace(ctx.start).licenses
    found = [
        (name, c)
        for name, c in sorted(catalog.classes.items())
        if (not uses or c.use in uses)
        and outputs_clause in {None, c.outputs_clause}
        and all(getattr(c, axis) is state for axis, state in wanted.items())
    ]
    if output == "json":
        say_json([{"licence": name, **_listed(c), "entry": c} for name, c in found])
    else:
        columns = ("licence", "use", "attribution", "share-alike", "no derivatives", "restrictions", "outputs")
        rows = [(n, c.use, c.attribution, c.share_alike, c.no_derivatives, c.behavioural_restrictions, c.outputs_clause) for n, c in found]
        say_table(columns, rows, spare=("outputs", "restrictions"))
        say_fitting(f"{counted(len(found), 'licence')} of {len(catalog.classes)}, catalogue {catalog.version} {catalog.digest}", err=True)
        next_step("provenance licenses show LICENCE", quiet=ctx.quiet)
    return 0


def _listed(found: LicenseClass) -> dict[str, str]:
    return {
        "use": found.use,
        "attribution": found.attribution,
        "share-alike": found.share_alike,
        "no derivatives": found.no_derivatives,
    }


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
