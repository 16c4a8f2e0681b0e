"""Counts of users and revenues held against the thresholds of texts (RR10): what nobody can tell stays UNKNOWN."""

from __future__ import annotations

import datetime as dt

from provenance.licensing.terms_said import Circumstances
from provenance.licensing.terms_values import LimitTest
from provenance.licensing.uses import RunUse
from provenance.model.absence import TriState, is_absent
from provenance.model.run import Period, Revenue

_ALWAYS = "always"
_MONTHS = 12
_USD_PER = {"USD": (1.0, 1.0), "CNY": (0.1, 0.2), "EUR": (0.8, 1.7), "GBP": (1.0, 2.2)}
"""Bounds of exchange rates, wider than any of the years since 2000; what lies between them is not decided."""


def is_above(about: Circumstances, test: LimitTest) -> TriState:
    """Tell whether a threshold is passed. A count of another day than the one that the text tests says nothing."""
    if test.metric == "monthly-active-users":
        return _has_more_users(about.run, test)
    return TriState.UNKNOWN if about.run.revenue is None else _earns_more(about.run.revenue, test)


def _has_more_users(run: RunUse, test: LimitTest) -> TriState:
    dated = _count_tested(run, test.tested_when)
    if dated is not None:
        return TriState.of(dated > test.value)
    count = run.monthly_active_users
    if count is None:
        return TriState.UNKNOWN
    other_day = test.tested_when != _ALWAYS and not is_absent(run.release_date) and run.release_date != test.tested_when
    return TriState.UNKNOWN if other_day else TriState.of(count > test.value)


def _count_tested(run: RunUse, tested_when: str) -> int | None:
    """Return the count that a text tests, where it is stated for its day.

    A text that tests one day for ever looks at the calendar month before it, so that a count of that month or of the days up to the test is the one
    meant, and of several the highest. One that tests always is answered by the count without a day, and where there is none by the latest.
    """
    if tested_when == _ALWAYS:
        latest = max(run.users_on, key=lambda c: c.date, default=None)
        return None if latest is None or run.monthly_active_users is not None else latest.value
    last = dt.date.fromisoformat(tested_when)
    first = (last.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    return max((c.value for c in run.users_on if first.isoformat() <= c.date <= tested_when), default=None)


def _earns_more(revenue: Revenue, test: LimitTest) -> TriState:
    rates = _rates(revenue.currency, test.currency)
    if rates is None:
        return TriState.UNKNOWN
    (least_rate, most_rate), (low_rate, high_rate) = rates
    least, most = revenue.amount * least_rate, revenue.amount * most_rate
    low, high = test.value * low_rate, test.value * high_rate
    is_monthly = test.period == "month"
    if revenue.period is Period.MONTH and not is_monthly:  # one month of a year shows that it is above, never that it is not
        return TriState.YES if least > high else TriState.UNKNOWN
    surely = high * _MONTHS if is_monthly and revenue.period is Period.YEAR else high
    return TriState.NO if most <= low else TriState.YES if least > surely else TriState.UNKNOWN


def _rates(earned: str, tested: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return bounds of what a unit of each currency is worth; ``None`` where nobody knows."""
    if earned == tested:
        return (1.0, 1.0), (1.0, 1.0)
    first, second = _USD_PER.get(earned), _USD_PER.get(tested)
    return None if first is None or second is None else (first, second)
