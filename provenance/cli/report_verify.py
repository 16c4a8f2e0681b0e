"""``provenance report verify``: whether a report folder is as it was written, with --deep as its record gives it, and of a letter whether its signature holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.ancestry import known_ancestors
from provenance.cli.audits import find_audit
from provenance.cli.context import CommandContext
from provenance.cli.key_files import optional_workspace
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, say, say_fitting, say_json, told_as_json, visible
from provenance.cli.signing import given_path, trust_option
from provenance.errors import ClearanceError, InputError, SignatureError

if TYPE_CHECKING:
    from provenance.clearance.letter_signature import LetterSignature
    from provenance.report.folder_check import FolderCheck
    from provenance.report.views import Comparison, Known

_OTHERS = 4
"""Exit code."""
_NAMED = 20
"""Files beside the report that are named to people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCheck:
    """What is known of a letter's signature."""

    signature: LetterSignature | None
    """``None`` where the letter is not signed, or nobody could check it."""
    unknown: str
    """Why nobody knows whether it holds, or what was not looked up; empty where all of it was."""
    is_open: bool = False
    """Nobody checked a signature: there is none, or no trust file."""


class LetterDeniedError(ClearanceError):
    """The signature of a letter does not hold."""

    exit_code = 77


@click.command("verify")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--deep", is_flag=True, help="Also make each document again from the record in the folder and compare, byte by byte.")
@trust_option
@text_or_json
@pass_context
def verify(ctx: CommandContext, /, folder: Path, deep: bool, trust_path: Path | None, output: str) -> int:
    """Check a folder of any report command against its manifest: what is missing, changed, or no part of the report. Needs no workspace.

    The signature of a letter is verified with --trust FILE, the workspace's trust file otherwise. Exit codes: 0 whole, 1 not, 4 whole with other
    files beside it or no signature that was checked, 77 a letter whose signature does not hold.
    """
    from provenance.report.folder_check import check_folder, raise_faults

    place = ctx.path(folder)
    with told_as_json(output):
        found = check_folder(place)
        raise_faults(place, found)
        compared = _compared(ctx, place, found) if deep else None
        try:
            letter = _letter(ctx, place, found, given_path(ctx, trust_path))
        except ClearanceError as err:
            raise LetterDeniedError(str(err), hint=err.hint) from err
    if output == "json":
        say_json({"whole": True, "folder": str(place), "kind": found.manifest.kind, "others": found.others, "deep": compared, "letter": letter})
    else:
        _say(folder, found, compared, letter)
    return _OTHERS if found.others or (letter is not None and letter.is_open) else 0


def _compared(ctx: CommandContext, place: Path, found: FolderCheck) -> Comparison:
    from provenance.report.views import compare_views

    return compare_views(place, _known(ctx, place, found))


def _known(ctx: CommandContext, place: Path, found: FolderCheck) -> Known:
    """Return what documents show besides their record; of an audit the record is compared with the one that the workspace keeps."""
    from provenance.cli.report_pages import known_beside, look_of
    from provenance.report.manifest import FolderKind
    from provenance.report.views import Known

    look = look_of(ctx, None)
    if found.manifest.kind is not FolderKind.AUDIT or not (place / "audit.json").is_file():
        return Known(look=look)
    loaded = find_audit(ctx, str(place))
    beside = None if optional_workspace(ctx) is None else known_beside(ctx, loaded)
    return Known(beside=beside, look=look, ancestors=known_ancestors(ctx, loaded.record))


def _letter(ctx: CommandContext, place: Path, found: FolderCheck, trust_file: Path | None) -> LetterCheck | None:
    """Return what is known of a letter's signature; ``None`` where the folder holds no letter.

    Raises:
        ClearanceError: If the signature does not hold.
    """
    from provenance.bootstrap import SystemClock
    from provenance.clearance.letter_signature import SIGNATURE_FILE, verify_letter_signature
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust
    from provenance.report.manifest import FolderKind

    if found.manifest.kind is not FolderKind.LETTER:
        if trust_file is not None:
            raise InputError(f"{place}: holds no letter, and only letters are signed", hint="leave --trust out")
        return None
    files = {file.path: file.sha256 for file in found.manifest.files if file.path != SIGNATURE_FILE}
    if len(files) == len(found.manifest.files):
        if trust_file is not None:
            raise SignatureError(f"{place}: the letter is not signed", hint="ask the sender for a signed one: provenance report letter --as NAME")
        return LetterCheck(signature=None, unknown="the letter is not signed: nobody can tell whether it is what its sender wrote", is_open=True)
    if trust_file is None and (workspace := optional_workspace(ctx)) is not None and workspace.trust_file.is_file():
        trust_file = workspace.trust_file
    if trust_file is None:
        return LetterCheck(
            signature=None, unknown="whether its signature holds is not known: give the sender's trust file with --trust FILE", is_open=True
        )
    trust = load_trust(trust_file)
    raw = (place / SIGNATURE_FILE).read_bytes()
    signature, _ = verify_letter_signature(raw, trust, SystemClock().now(), files=files, revocations=load_revocations(trust))
    told = "" if trust.revocation is not None else "the trust file names no revocation list: nobody can tell whether the key was revoked"
    return LetterCheck(signature=signature, unknown=told)


def _say(folder: Path, found: FolderCheck, compared: Comparison | None, letter: LetterCheck | None) -> None:
    say(f"✓ {visible(str(folder))}")
    say_fitting(f"  {counted(len(found.manifest.files), 'file')} of the {found.manifest.kind.value} as written")
    if compared is not None:
        say_fitting(f"  {counted(len(compared.same), 'document')} made again from {compared.truth}: the same bytes")
        for name, why in compared.not_compared:
            say_fitting(f"  not made again: {name}, since {why}")
    if letter is not None and letter.signature is not None:
        said = letter.signature
        say_fitting(f"  signed by {visible(said.signer)} as {said.role} on {said.signed}, for {visible(said.to)}: the signature holds")
    if letter is not None and letter.unknown:
        say_fitting(f"  ! {letter.unknown}", err=True)
    for name in found.reports:
        say_fitting(f"  {visible(name)} is a report of its own: provenance report verify {visible(str(folder / name))}")
    for name in found.others[:_NAMED]:
        say_fitting(f"  ! no part of the report: {visible(name)}", err=True)
    if len(found.others) > _NAMED:
        say(f"  ! and {len(found.others) - _NAMED} more", err=True)
