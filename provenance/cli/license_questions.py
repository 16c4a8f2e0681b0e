"""What the commands on licences share: how a licence is named, and the circumstances that it is asked about in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.errors import LicenseExpressionError
from provenance.model.absence import ABSENCES, Absence, TriState

if TYPE_CHECKING:
    from provenance.licensing.classes import LicenseCatalog
    from provenance.licensing.license_uses import Circumstances, LicenseUse

F = TypeVar("F", bound=Callable[..., Any])
USES = ("train", "commercial", "train_noncommercial", "distribute_weights", "distribute_data", "distribute_adapted_data", "train_on_outputs")
_STATES = {"yes": TriState.YES, "no": TriState.NO, "unknown": TriState.UNKNOWN}
_OPTIONS = (
    click.option("--commercial/--non-commercial", default=True, show_default=True, help="What the trained model is for."),
    click.option("--synthetic", type=click.Choice(list(_STATES)), default="no", show_default=True, help="Whether a model made the licensed text."),
    click.option("--competing", type=click.Choice(list(_STATES)), default="unknown", help="Whether the model competes with the licensor's."),
    click.option("--region", default=Absence.UNKNOWN.value, help="Where the licensee is, such as EU or US."),
    click.option("--monthly-active-users", "users", type=click.IntRange(min=0), default=None, help="Of the licensee, for limits on users."),
    click.option("--share-alike-reaches-weights", "strict", is_flag=True, help="Read share-alike strictly: weights are then UNKNOWN."),
)


def circumstance_options(function: F) -> F:
    """Add the options that say what a licence is asked about in."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def circumstances(options: dict[str, Any]) -> Circumstances:
    """Return what the options say."""
    from provenance.licensing.license_uses import Circumstances

    return Circumstances(
        commercial=TriState.of(options["commercial"]),
        synthetic=_STATES[options["synthetic"]],
        competes=_STATES[options["competing"]],
        region=options["region"],
        monthly_active_users=options["users"],
        share_alike_reaches_weights=options["strict"],
    )


def chosen_uses(names: tuple[str, ...]) -> tuple[LicenseUse, ...]:
    """Return the uses named, all of them where none is."""
    from provenance.licensing.license_uses import LicenseUse

    return tuple(map(LicenseUse, names or USES))


def read_license(text: str, catalog: LicenseCatalog) -> str:
    """Return the expression or named absence that a text means.

    Raises:
        LicenseExpressionError: If it is written as an expression and is none, or one with a licence in it that nobody lists.
    """
    from provenance.licensing.expression import iter_licenses, parse_expression

    value, _ = catalog.normalize(text)
    if value != Absence.UNKNOWN or text.strip().upper() in ABSENCES:
        return value
    try:
        parsed = parse_expression(text)
    except ValueError as err:
        if _is_written_as_expression(text):
            raise LicenseExpressionError(str(err), hint="write it as: A AND (B OR C WITH exception)") from err
        return value
    unknown = [one.id for one in iter_licenses(parsed) if catalog.normalize(one.id)[0] == Absence.UNKNOWN and one.id.upper() not in _NO_LICENSE]
    if unknown and _is_written_as_expression(text):
        hint = "see: provenance licenses list; a licence of your own is LicenseRef-NAME"
        raise LicenseExpressionError(f"{text[:80]!r}: nobody lists a licence {unknown[0]!r}", hint=hint)
    return value


_NO_LICENSE = frozenset({"NOASSERTION", "NONE", *ABSENCES})


def _is_written_as_expression(text: str) -> bool:
    words = text.upper().split()
    return "(" in text or any(word in {"AND", "OR", "WITH"} for word in words)
