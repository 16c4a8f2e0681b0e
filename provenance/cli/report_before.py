"""What a new disclosure document supersedes, as a command is told of it: the folder of the version before, its address, or both. Nothing is fetched."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from provenance.cli.context import CommandContext
from provenance.cli.output import visible
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.report.disclosure.eu import Superseded
    from provenance.report.disclosure.values import Disclosure

_LONGEST_ADDRESS = 2000
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE)
_EARLIEST_ZONE = dt.timedelta(hours=14)
"""A day begins this long before it does in UTC, at the earliest."""
supersedes_option = click.option(
    "--supersedes",
    multiple=True,
    metavar="FOLDER|FILE|URL",
    help="The version before: its folder or summary.json, from which the changes are told, and its https address, which the document links to.",
)


def superseded(ctx: CommandContext, places: Sequence[str], templates: str, model: str) -> Superseded | None:
    """Return the version before, read and checked where it is given as a file or a folder; ``None`` where none is given.

    Args:
        ctx: The command's context.
        places: At most one file or folder, and at most one address.
        templates: Pattern of the ids of templates that it may be of.
        model: Name of the model that it must be of.

    Raises:
        ReportError: If the folder or file is missing, was changed, or holds no document.
        InputError: If an address is none, two of a kind are given, or it is a document of another kind or model.
    """
    from provenance.report.disclosure.eu import Superseded

    addresses = [p for p in places if "://" in p]
    files = [p for p in places if "://" not in p]
    if len(addresses) > 1 or len(files) > 1:
        raise InputError(
            f"--supersedes was given {len(places)} times: expected at most one folder or file, and one address",
            hint="a document supersedes the version just before it; that one names those before it",
        )
    for address in addresses:
        _check_address(address)
    document = _read(ctx, files[0], templates, model) if files else None
    if not places:
        return None
    return Superseded(place=ctx.path(Path(files[0])).name if files else addresses[0], document=document, address=addresses[0] if addresses else "")


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host, is_https = parts.hostname or "", parts.scheme == "https" and parts.username is None and parts.port in {None, 443}
    except ValueError:
        host, is_https = "", False
    if (
        not is_https
        or not _HOST.fullmatch(host)
        or len(address) > _LONGEST_ADDRESS
        or not address.isascii()
        or not address.isprintable()
        or " " in address
    ):
        raise InputError(
            f"--supersedes {visible(address[:100])}: no public https address",
            hint="give the address at which the version before can be read, such as https://example.org/ai/summary-1.html, or its folder",
        )


def _read(ctx: CommandContext, place: str, templates: str, model: str) -> Disclosure:
    from provenance.report.disclosure.views import read_disclosure
    from provenance.report.folder import verify_report

    path = ctx.path(Path(place))
    if not path.exists():
        raise InputError(
            f"{visible(place)}: there is no such folder or file",
            hint="give the folder that report wrote the version before into, or its https address",
        )
    if path.is_dir():
        verify_report(path)
        path = path / "summary.json"
    found = read_disclosure(path)
    if not re.fullmatch(templates, found.template):
        raise InputError(f"{visible(place)}: a document of template {visible(found.template)!r}, which this one cannot supersede")
    if found.model != model:
        raise InputError(
            f"{visible(place)}: a document on model {visible(found.model)!r}, expected {visible(model)!r}",
            hint="if the model was renamed, give the address of the version before in place of its folder",
        )
    return found


def today() -> str:
    """Return the day, ``YYYY-MM-DD``, where it begins first: what is later has not come anywhere."""
    from provenance.bootstrap import SystemClock

    now = dt.datetime.fromisoformat(SystemClock().now())
    return (now + _EARLIEST_ZONE).date().isoformat()
