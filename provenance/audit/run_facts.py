"""What a run file states of model, purpose and organisation, as facts. What it does not say is not known, or a fault where saying it is what is asked."""

from __future__ import annotations

from provenance.audit.judgements import Catalogs
from provenance.audit.naming import base_naming
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.run import CopyrightPolicy, Run
from provenance.policy.facts import UNKNOWN, FactValue


def stated_values(run: Run, catalogs: Catalogs, *, today: str) -> dict[str, FactValue]:
    """Return the facts that stand in the run file.

    Args:
        run: The run file.
        catalogs: Terms and licences.
        today: ``YYYY-MM-DD``, UTC.
    """
    base, policy = run.model.base, run.organization.copyright_policy
    return {
        "use": _text(run.purpose.use),
        "use_stated": _stated(run.purpose.use),
        "base": _text(base),
        "base_stated": _stated(base),
        **base_naming(run.model.name, base, catalogs.terms),
        "release.license": run.model.release.license,
        "release.license_use": _license_use(run.model.release.license, catalogs),
        "copyright_policy.url": _text(policy.url),
        "copyright_policy.state": _policy_state(policy, today),
        "contact": _text(run.organization.contact),
        "contact_stated": _stated(run.organization.contact),
    }


def _text(value: str | None) -> str:
    return value if value is not None and value.strip() else Absence.UNKNOWN.value


def _stated(value: str | None) -> str:
    return "NO" if is_absent(_text(value)) else "YES"


def _license_use(text: str, catalogs: Catalogs) -> str:
    """Return the class of a licence; what somebody states without saying what it allows is not known."""
    if is_absent(text):
        return UNKNOWN
    found = catalogs.licenses
    return found.assess(found.normalize(text)[0], TriState.YES).use  # of alternatives, who takes the weights takes the loosest


def _policy_state(policy: CopyrightPolicy, today: str) -> str:
    if is_absent(_text(policy.url)):
        return "none"
    if is_absent(policy.date):
        return UNKNOWN
    return "in-force" if policy.date <= today else "later"
