"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from provenance.cli.context import CommandContext

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


def reference_options(function: F) -> F:
    """Add the options that describe reference files."""
    for option in reversed(_REFERENCE_OPTIONS):
        function = option(function)
    return function
