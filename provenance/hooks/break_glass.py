"""Saying loudly that a run starts which its audit did not clear: red on a terminal, in words everywhere, and nothing silences it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from provenance.clearance.statement import Clearance
from provenance.clearance.strict_json import printable

WIDTH = 78
_RED, _PLAIN = "\x1b[1;31m", "\x1b[0m"


def warning_lines(clearance: Clearance) -> tuple[str, ...]:
    """Return the block that says what a break-glass lets pass, who approved it and why; nothing for another clearance."""
    said = clearance.break_glass
    if said is None:
        return ()
    rule = "!" * WIDTH
    return (
        rule,
        f"BREAK-GLASS: this run was NOT cleared (its verdict is {clearance.verdict.value})",
        *_told("let pass", f"{said.findings:,} finding(s) of {', '.join(said.rules)}"),
        *_told("approved", f"by {said.approver}, who is not the issuer {clearance.issuer.name}"),
        *_told("reason", said.reason),
        *_told("ends", clearance.expires),
        rule,
    )


def warn(clearance: Clearance) -> None:
    """Print the block on stderr where there is one."""
    lines = warning_lines(clearance)
    if not lines:
        return
    if sys.stderr is None:
        return
    with suppress(Exception):  # full, closed, or an object that cannot even write: nobody can be told there
        is_terminal = getattr(sys.stderr, "isatty", bool)()
        red, plain = (_RED, _PLAIN) if is_terminal else ("", "")
        sys.stderr.write("".join(f"{red}{line}{plain}\n" for line in lines))
        sys.stderr.flush()


def _told(label: str, text: str) -> Sequence[str]:
    import textwrap

    indent = " " * 13
    return textwrap.wrap(printable(text), WIDTH, initial_indent=f"  {label:<9}  ", subsequent_indent=indent, break_long_words=True)
