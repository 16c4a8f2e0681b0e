"""Whether one text in the place of another forbids less, or reaches less of what was forbidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.licensing.terms import DECIDING, TermsVersion
from provenance.licensing.use_outcomes import entry_outcomes, is_looser
from provenance.model.absence import Permission


def loosening(old: TermsVersion, new: TermsVersion) -> tuple[str, ...]:
    """Return in what a text is looser than the one whose place it takes; empty where it is not."""
    return tuple(_iter(old, new))


def _iter(old: TermsVersion, new: TermsVersion) -> Iterator[str]:
    before = entry_outcomes(old)
    for was, now in zip(before, entry_outcomes(new), strict=True):
        if is_looser(was.outcome, now.outcome):
            yield f"{was.use}: {was.outcome} before, {now.outcome} now"
    if all(outcome.outcome is Permission.ALLOWED for outcome in before):
        return
    yield from _less_time(old, new)
    yield from _less_reach(old, new)


def _less_time(old: TermsVersion, new: TermsVersion) -> Iterator[str]:
    if old.confidence in DECIDING and new.confidence not in DECIDING:
        yield f"it is {new.confidence} now, and so decides nothing"
    if new.starts_possibly > old.starts_possibly or new.ends_possibly < old.ends_possibly:
        yield f"it holds from {new.effective_from} to {new.effective_to}, before from {old.effective_from} to {old.effective_to}"


def _less_reach(old: TermsVersion, new: TermsVersion) -> Iterator[str]:
    regions = () if "global" in new.regions else new.regions
    for what, was, now in (("channels", old.channels, new.channels), ("models", old.models, new.models), ("regions", old.regions, regions)):
        if gone := _gone(was, now):
            yield f"it no longer reaches the {what} {', '.join(gone)}"
    if old.sites and (gone := _gone(old.sites, new.sites)):
        yield f"it no longer reaches the sites {', '.join(gone)}"
    if spared := sorted(set(new.not_models) - set(old.not_models)):
        yield f"it no longer reaches the models {', '.join(spared)}"
    if new.provider != old.provider:
        yield f"it is of provider {new.provider} now, before of {old.provider}"


def _gone(was: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return what a list no longer holds; an empty list stands for everything."""
    if not now or "*" in now:
        return []
    return sorted(set(was) - set(now)) if was else ["that it does not list"]
