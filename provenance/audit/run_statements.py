"""What a run file states for terms to be judged by: whom it imitates, who uses it and what it earns, and approvals, each with what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provenance.licensing.uses import Approval, RunUse, Use
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.run import ProviderApproval, Run

_DATA = {"YES": TriState.YES, "NO": TriState.NO, Absence.NOT_STATED.value: TriState.NO}
"""A run that does not state it keeps its data to itself; one that states that it is not known does not."""


def with_statements(use: RunUse, run: Run, *, today: str) -> RunUse:
    """Return what terms care about in a run, with what its file states on others.

    Args:
        use: What is known of the run beside.
        run: The run file.
        today: ``YYYY-MM-DD``, UTC: an approval of a later day does not count yet.
    """
    said = run.purpose.imitates
    return replace(
        use,
        distribute_data=_DATA.get(run.purpose.distribute_data, TriState.UNKNOWN),
        imitating=tuple(i.provider for i in said if i.value is TriState.YES),
        not_imitating=tuple(i.provider for i in said if i.value is TriState.NO),
        users_on=run.organization.monthly_active_users_at,
        revenue=run.organization.revenue,
        approvals=tuple(_approval(a) for a in run.approvals if not a.lacks(today)),
    )


def _approval(recorded: ProviderApproval) -> Approval:
    return Approval(
        terms=_stated(recorded.terms),
        provider=_stated(recorded.provider),
        who=recorded.who,
        when=recorded.day,
        evidence=recorded.evidence.place,
        model=_stated(recorded.model),
        uses=frozenset(map(Use, recorded.scope)),
    )


def _stated(text: str) -> str:
    return "" if is_absent(text) else text


def approval_limits(run: Run, today: str) -> Iterator[str]:
    """Yield of each approval what the audit took on trust, or why it does not count."""
    for approval in run.approvals:
        lacks = approval.lacks(today)
        if lacks:
            yield f"The approval of {approval.of} does not count: {'; '.join(lacks)}."
            continue
        scope = f" for {', '.join(approval.scope)}" if approval.scope else ""
        model = "" if is_absent(approval.model) else f" of outputs of {approval.model}"
        what = f"The approval of {approval.of} of {approval.day}{scope}{model}"
        yield f"{what} was recorded by {approval.who} and not read here: {approval.evidence.place}, {approval.evidence.sha256}."
