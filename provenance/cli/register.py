"""``provenance register``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import jobs_option, named_tokenizer, pass_context, text_or_json, tokenizer_options
from provenance.cli.output import counted, next_audit, say, say_json, say_problems, short, size_text, visible
from provenance.errors import ManifestError
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import Dataset, DatasetVersion, DateRange, Details, Generator, LicenseClaim, LicenseFacts, Obtained, Source, SourceKind
from provenance.model.match import ReadProblem
from provenance.storage.urls import Place, below, is_url, local_path, parse_url

if TYPE_CHECKING:
    from provenance.audit.register import DatasetPlan, Registration
    from provenance.bootstrap import Workspace
    from provenance.exchange.manifest import Snapshot
    from provenance.fingerprint.digest import ShardLeaf

Claims = dict[tuple[str, str], "ShardLeaf"]
"""(root, path) → what a shard list states of the file."""
_DAY = r"\d{4}-\d{2}-\d{2}"


@click.command()
@click.argument("files", nargs=-1)
@click.option("--manifest", type=click.Path(dir_okay=False, path_type=Path), help="datasets.yaml that describes many datasets.")
@click.option("--dataset", "name", help="Name of the dataset that FILES make up.")
@click.option(
    "--source",
    "source_kind",
    type=click.Choice([k.value for k in SourceKind]),
    default=SourceKind.UNKNOWN.value,
    metavar="KIND",
    help=f"Where it came from: {', '.join(SourceKind)}.",
)
@click.option("--source-url", default=Absence.UNKNOWN.value, help="Address it came from.")
@click.option("--license", "license_text", default=Absence.UNKNOWN.value, help="SPDX expression, LicenseRef-…, NOT_STATED or a common name.")
@click.option("--terms", multiple=True, help="Id of terms that govern it; may be given again.")
@click.option("--provider", default=Absence.UNKNOWN.value, help="Provider of the model that made it.")
@click.option("--model", default=None, help="Model that made it, if it is synthetic.")
@click.option("--channel", default=Absence.UNKNOWN.value, help="api, consumer, weights, cloud, host …")
@click.option("--region", default=Absence.UNKNOWN.value, help="Region of the account, such as EU.")
@click.option("--generated", default=None, help="Days of generation: 2024-03-01 or 2024-03-01..2024-05-31.")
@click.option("--synthetic", type=click.Choice(["yes", "no"]), default=None, help="Whether a model made it.")
@click.option("--obtained", type=click.Choice([o.value for o in Obtained]), default=Obtained.UNKNOWN.value, help="Whose account made it.")
@click.option("--domain", default=Absence.UNKNOWN.value, help="What the text is about, such as customer-support.")
@click.option("--language", "languages", multiple=True, help="Language of the text, such as en; may be given again.")
@click.option("--owner", default=Absence.UNKNOWN.value, help="Who answers for the dataset.")
@click.option("--root", default="data", show_default=True, help="Data root that FILES are relative to.")
@click.option("--license-field", default=None, help="Field of each record that names its licence: records and words are counted by it.")
@click.option("--text-field", default=None, help="Field that holds the text; found by convention otherwise.")
@tokenizer_options
@jobs_option
@text_or_json
@pass_context
def register(ctx: CommandContext, /, files: tuple[str, ...], manifest: Path | None, output: str, root: str, jobs: int | None, **facts: object) -> int:
    """Record datasets and their shards.

    Give FILES with --dataset, or --manifest. FILES may be URLs, such as s3://bucket/chat/*.jsonl.zst.
    """
    workspace = ctx.workspace()
    if manifest is not None and files:
        raise click.UsageError("give FILES or --manifest, not both")
    if manifest is not None:
        plans, claimed, snapshots = _from_manifest(workspace, ctx.path(manifest))
    else:
        plans, claimed, snapshots = [_from_options(workspace, ctx, files, root, facts)], {}, []
    unkept = _keep(ctx, workspace, snapshots)
    done = _register(ctx, workspace, [(_kept(workspace, dataset), patterns, root) for dataset, patterns, root in plans], claimed, jobs)
    done = replace(done, problems=(*done.problems, *unkept))
    _print(ctx, done, output, workspace.run_file)
    return 4 if done.problems or any(s.unread_records for v in done.versions for s in v.shards) else 0


def _keep(ctx: CommandContext, workspace: Workspace, snapshots: list[Snapshot]) -> list[ReadProblem]:
    """Store the files that claims go back to, before the claims are recorded."""
    from provenance.audit.backing import keep_snapshot

    if not snapshots:
        return []
    tools = workspace.tools(ctx.progress(), ctx.actor)
    found = [keep_snapshot(s.path, s.name, s.sha256, tools) for s in dict.fromkeys(snapshots)]
    return [problem for problem in found if problem is not None]


def _register(ctx: CommandContext, workspace: Workspace, plans: list[DatasetPlan], claimed: Claims, jobs: int | None) -> Registration:
    from provenance.audit.register import register as record

    progress = ctx.progress()
    progress.start("registering", 0)
    try:
        return record(plans, workspace.tools(progress, ctx.actor, jobs=jobs), claimed=claimed)
    finally:
        progress.finish()


def _from_manifest(workspace: Workspace, path: Path) -> tuple[list[DatasetPlan], Claims, list[Snapshot]]:
    """Return what a manifest describes, the digests that its shard lists state, and the files that its claims go back to.

    Raises:
        ManifestError: If it means other folders by the names of data roots than the workspace does: its patterns would resolve elsewhere.
    """
    from provenance.exchange.manifest import load_datasets_manifest

    document = load_datasets_manifest(path)
    for name, place in document.roots:
        ours = workspace.settings.root(name)
        if _resolved(place) != _resolved(ours):
            raise ManifestError(f"{path}: data root {name!r} is {place}, and {ours} in provenance.toml", hint="make the two agree")
    claims: Claims = {}
    for entry in document.entries:
        base = workspace.settings.root(entry.root) if entry.listed else Path()
        leaves = [replace(leaf, path=_in_root(leaf.path, base)) for leaf in entry.listed]
        claims |= {(entry.root, leaf.path): leaf for leaf in leaves}
    return list(document.datasets()), claims, [s for entry in document.entries for s in entry.snapshots]


def _resolved(place: Place) -> Place:
    return place.resolve() if isinstance(place, Path) else place


def _in_root(path: str, base: Place) -> str:
    """Return a listed path as it is registered: one below a root that is a URL is relative to it."""
    return path if isinstance(base, Path) else below(path, base) or path


def _from_options(workspace: Workspace, ctx: CommandContext, files: tuple[str, ...], root: str, facts: dict[str, object]) -> DatasetPlan:
    if not files or not facts["name"]:
        raise click.UsageError("give --manifest FILE, or FILES… with --dataset NAME")
    base = workspace.settings.root(root)
    dataset = replace(build_dataset(facts), tokenizer=named_tokenizer(ctx, facts))
    return dataset, tuple(_below(ctx, f, base) for f in files), root


def _kept(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Return a dataset as it is recorded: a tokenizer that lies in the workspace moves with it."""
    if dataset.tokenizer is None:
        return dataset
    folder, path = workspace.settings.workspace.absolute(), Path(dataset.tokenizer.path)
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return replace(dataset, tokenizer=replace(dataset.tokenizer, path=shown.as_posix()))


def _below(ctx: CommandContext, given: str, base: Place) -> str:
    """Return a file, folder or pattern as its root has it: URLs stay, names in a root that is a URL are relative to it already."""
    if is_url(given):
        return parse_url(given)
    if not isinstance(base, Path):
        return given
    try:
        return ctx.path(Path(local_path(given))).absolute().relative_to(base).as_posix()
    except ValueError:
        raise ManifestError(
            f"{given} does not lie in the data root {base}", hint="move it there, or name another root in provenance.toml and give --root"
        ) from None


def build_dataset(facts: dict[str, object]) -> Dataset:
    """Return the dataset that command-line options describe."""
    from provenance.exchange.manifest import DATASET_NAME
    from provenance.licensing.classes import normalize

    value, original = normalize(str(facts["license_text"]))
    generator = None
    if facts["model"] or facts["generated"] or not is_absent(str(facts["provider"])):
        generator = Generator(
            provider=str(facts["provider"]),
            model=str(facts["model"] or Absence.UNKNOWN.value),
            channel=str(facts["channel"]),
            region=str(facts["region"]),
            generated=days(facts["generated"]),
        )
    if DATASET_NAME.fullmatch(str(facts["name"])) is None:
        raise click.UsageError(
            f"--dataset {str(facts['name'])[:60]!r} is no dataset name: letters, digits and . _ - /, starting with a letter or digit"
        )
    return Dataset(
        name=str(facts["name"]),
        source=Source(kind=SourceKind(str(facts["source_kind"])), url=str(facts["source_url"])),
        obtained=Obtained(str(facts["obtained"])),
        license=LicenseFacts(declared=LicenseClaim(value=value, original=original, by="registrant")),
        terms=tuple(facts["terms"]) if isinstance(facts["terms"], tuple) else (),
        generators=(generator,) if generator else (),
        synthetic=_synthetic(facts, has_generator=generator is not None),
        domain=str(facts["domain"]),
        languages=tuple(facts["languages"]) if isinstance(facts["languages"], tuple) else (),
        owner=str(facts["owner"]),
        text_field=str(facts["text_field"]) if facts["text_field"] else None,
        details=Details(license_field=str(facts["license_field"]) if facts["license_field"] else None),
    )


def _synthetic(facts: dict[str, object], *, has_generator: bool) -> TriState:
    said = facts["synthetic"]
    if has_generator or facts["source_kind"] == SourceKind.SYNTHETIC.value:
        if said == "no":
            raise click.UsageError("--synthetic no contradicts the generator or source given")
        return TriState.YES
    return TriState.of(None if said is None else said == "yes")


def days(text: object) -> DateRange:
    """Return the days an option names, both ends included."""
    if text is None:
        return DateRange()
    found = re.fullmatch(rf"({_DAY})(?:\.\.({_DAY}))?", str(text))
    if found is None:
        raise click.UsageError(f"--generated {text!r}: expected 2024-03-01 or 2024-03-01..2024-05-31")
    return DateRange(start=found[1], end=found[2] or found[1])


def _say_unknown_license(dataset: Dataset) -> None:
    """Say what was written where the licence is not known, and the nearest name that is."""
    claim = dataset.license.declared
    if claim.value == Absence.UNKNOWN and claim.original and claim.original.upper() != Absence.UNKNOWN:
        from provenance.documents import nearest
        from provenance.licensing.classes import shipped_licenses

        catalog = shipped_licenses()
        hint = nearest(claim.original, [*catalog.classes, *catalog.aliases])
        near = hint if hint.startswith("did you mean") else "write an SPDX id, or add it to a folder named under licenses in provenance.toml"
        say(f"  ! licence {visible(claim.original)!r} is not known, so it counts as UNKNOWN; {near}", err=True)


def _say_no_record_licenses(version: DatasetVersion) -> None:
    """Say where no record names a licence: the field may have another name."""
    field = version.dataset.details.license_field
    if field is not None and all(part.value == Absence.NOT_STATED for shard in version.shards for part in shard.licenses):
        say(f"  ! no record has a licence in field {visible(field)!r}: all count as NOT_STATED; check the name, --license-field", err=True)


def _print(ctx: CommandContext, done: Registration, output: str, run_file: Path) -> None:
    if output == "json":
        say_json({"versions": done.versions, "problems": done.problems, "resumed": done.resumed})
        return
    if done.resumed:
        say(f"{counted(done.resumed, 'file')} not read again: an interrupted registration had read them, and they have not changed")
    for version in done.versions:
        size, records = sum(s.size_bytes for s in version.shards), sum(s.records or 0 for s in version.shards)
        say(
            f"registered {version.dataset.name}@{short(version.root_digest)}  {counted(len(version.shards), 'shard')}  {size_text(size)}  {counted(records, 'record')}"
        )
        say(f"           licence {version.dataset.license.effective} · synthetic {version.dataset.synthetic}")
        _say_unknown_license(version.dataset)
        _say_no_record_licenses(version)
        for shard in version.shards:
            if shard.unread_records:
                say(f"  ! {shard.path}: {shard.unread_records} of {shard.records} records could not be read", err=True)
    say_problems(done.unread, "unread records named")
    say_problems(done.problems)
    if done.versions:
        next_audit(run_file, quiet=ctx.quiet)
