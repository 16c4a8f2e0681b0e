"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.context import CommandContext

if TYPE_CHECKING:
    from provenance.model.dataset import Tokenizer

F = TypeVar("F", bound=Callable[..., Any])

pass_context = click.make_pass_decorator(CommandContext)


def output_format(*names: str) -> Callable[[F], F]:
    """Add ``-f/--format``; the first name is the default."""
    return click.option("-f", "--format", "output", type=click.Choice(names), default=names[0], show_default=True, help="How to print.")


text_or_json = output_format("text", "json")
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=None, help="Processes that read and compare; by default one for each core."
)


_REFERENCE_OPTIONS = (
    click.option(
        "--kind",
        type=click.Choice(["api-output", "work", "license-text", "background"]),
        default=None,
        help="What the references are; what the first record says otherwise, else work.",
    ),
    click.option("--id-field", default=None, help="Field of a reference record that holds its id."),
    click.option("--prompt-field", default=None, help="Field of a reference record that holds its prompt."),
    click.option("--id-template", default=None, help="How ids are made, such as 'work:{stem}'."),
    click.option("--provider", default=None, help="Provider of the model, where the records do not say."),
    click.option("--model", default=None, help="Model, where the records do not say."),
    click.option("--channel", default=None, help="Channel, where the records do not say."),
    click.option("--region", default=None, help="Region, where the records do not say."),
    click.option("--generated", default=None, help="Days of generation, where the records do not say: 2024-03-01..2024-05-31."),
    click.option("--license", "license_text", default=None, help="Licence of the references, or PUBLIC-DOMAIN."),
    click.option("--title", default=None, help="Title of the work."),
    click.option("--author", default=None, help="Author of the work."),
    click.option("--holder", default=None, help="Who holds the rights."),
    click.option("--source-text", "source", default=None, help="Where the references came from."),
)


_TOKENIZER_OPTIONS = (
    click.option("--tokenizer", type=click.Path(path_type=Path), default=None, help="tokenizer.json that turns token ids back into text."),
    click.option("--tokens-field", default=None, help="Field that holds token ids; found by convention otherwise."),
)


def tokenizer_options(function: F) -> F:
    """Add the options that name a tokenizer."""
    for option in reversed(_TOKENIZER_OPTIONS):
        function = option(function)
    return function


def named_tokenizer(ctx: CommandContext, options: Mapping[str, object]) -> Tokenizer | None:
    """Return the tokenizer that options name.

    Raises:
        ManifestError: If its file is not there.
    """
    from provenance.exchange.manifest import find_tokenizer

    given, field = options["tokenizer"], options["tokens_field"]
    if not isinstance(given, Path):
        if field is not None:
            raise click.UsageError("--tokens-field names token ids, but no tokenizer reads them: give --tokenizer FILE")
        return None
    return find_tokenizer(ctx.path(given), field=None if field is None else str(field))


_FACETS = {
    "license": "Licence that somebody states.",
    "source": "Kind of source, such as web-crawl.",
    "language": "Language.",
    "tag": "Tag.",
    "provider": "Provider of a model that made it.",
    "model": "Model that made it.",
    "modality": "Kind of content, such as text.",
    "domain": "Domain.",
    "owner": "Owner.",
    "synthetic": "YES, NO or UNKNOWN.",
}


def facet_options(function: F) -> F:
    """Add an option for every facet that datasets can be filtered by."""
    for name, text in reversed(_FACETS.items()):
        function = click.option(f"--{name}", name, multiple=True, help=text)(function)
    return function


def reference_options(function: F) -> F:
    """Add the options that describe reference files."""
    for option in reversed(_REFERENCE_OPTIONS):
        function = option(function)
    return function


def templates_option(function: F) -> F:
    """Add ``--templates``."""
    text = "Folder of your own page templates; [report] templates of provenance.toml otherwise."
    kind = click.Path(file_okay=False, path_type=Path)
    return click.option("--templates", type=kind, default=None, metavar="FOLDER", help=text)(function)
