"""What one text says about one use: the layer that stands in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provenance.licensing.terms_bars import BARS, barred, non_commercial, training_clauses
from provenance.licensing.terms_duties import Obligation, obligations
from provenance.licensing.terms_limits import limits
from provenance.licensing.terms_said import Circumstances, Made, Said, allowed, neutral, prohibited, unknown
from provenance.licensing.terms_values import Clause, TermsVersion
from provenance.licensing.uses import STRICTNESS, RunUse, Use
from provenance.model.absence import Permission, TriState, is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One text's answer to one use."""

    entry: TermsVersion
    use: Use
    outcome: Permission | None
    """``None`` = the text is silent on it."""
    said: tuple[Said, ...]
    """What decided; of a silent text, why it is."""
    obligations: tuple[Obligation, ...]
    rules: tuple[str, ...]
    missing: tuple[str, ...]
    loosens: bool = False
    """It would have allowed, but is no contract (RR16)."""

    @property
    def reason(self) -> str:
        """Return why, in one line."""
        words = "; ".join(dict.fromkeys(s.reason for s in self.said)) or "it does not speak of it"
        return f"{self.entry.id}: {words}"


def judge(entry: TermsVersion, use: Use, run: RunUse, made: Made) -> Judged:
    """Return what a text says about a use.

    Args:
        entry: The text.
        use: What is asked.
        run: The facts of the run as the use supposes them (``as_use``).
        made: How the text came about.
    """
    about = Circumstances(entry=entry, use=use, run=run, made=made)
    said = list(_all_said(about))
    spoken = [s for s in said if s.outcome is not None]
    outcome = max((s.outcome for s in spoken if s.outcome is not None), key=STRICTNESS.index, default=None)
    loosens = entry.kind == "help-article" and outcome is Permission.ALLOWED
    deciding = [s for s in said if s.outcome is outcome]
    rules = {r for s in deciding for r in s.rules} | ({"RR16"} if entry.kind == "help-article" else set())
    return Judged(
        entry=entry,
        use=use,
        outcome=None if loosens else outcome,
        said=tuple(deciding),
        obligations=tuple(dict.fromkeys(obligations(about, said))),
        rules=tuple(sorted(rules)),
        missing=tuple(dict.fromkeys(m for s in said for m in s.missing)) if outcome is not Permission.ALLOWED else (),
        loosens=loosens,
    )


def _all_said(about: Circumstances) -> Iterator[Said]:
    if about.entry.kind == "notorious-source":
        clause = about.entry.clause("train_any_model") or Clause(name="train_any_model", value="prohibited")
        yield prohibited(clause, "the source is notorious: nothing that came from it may be used", "RR18")
        return
    if about.use is Use.COLLECTION:
        yield from _collecting(about)
        return
    first = list(_purposes(about))
    yield from first
    permits = any(s.outcome is Permission.ALLOWED for s in first)
    held = limits(about) if about.use is not Use.DISTRIBUTE_DATA else _plain_limits(about)
    # RR10: a limit binds also where another text permits, so one that nobody can test stays open even in a text that is otherwise silent.
    yield from held
    if permits:
        yield from _share_alike(about)


def _plain_limits(about: Circumstances) -> Iterator[Said]:
    """A limit on the purpose binds whoever hands the text on, too; thresholds and stricter rules on training do not."""
    return (s for s in limits(about) if s.clause.name == "limits" and "commercial" in s.reason)


def _purposes(about: Circumstances) -> Iterable[Said]:
    if about.use is Use.EVALUATION:
        return _evaluating(about)
    if about.use is Use.DISTRIBUTE_DATA:
        return _handing_on(about)
    return training_clauses(about)


def _evaluating(about: Circumstances) -> Iterator[Said]:
    """To measure is less than to train: a text that lets all train lets all measure; one that bars training says nothing of it (RR09)."""
    entry = about.entry
    train, limit, exception = entry.clause("train_any_model"), entry.clause("limits"), entry.clause("exceptions")
    if exception is not None and any(c.kind == "evaluation" for c in exception.cases):
        yield allowed(exception, "measuring with outputs is free", "RR09")
    elif limit is not None and any(t.kind == "evaluation-only" for t in limit.tests):
        yield allowed(limit, "testing and evaluation are what it is for", "RR10")
    elif train is not None and "evaluation" in train.covers and train.value in BARS:
        yield barred(about, train, "testing and measuring")
    elif train is not None and train.value in {"allowed", "allowed-with-conditions"}:
        yield from training_clauses(about)
    elif train is not None and train.value == "research-or-noncommercial-only":
        yield non_commercial(about, train, "only research or non-commercial use is allowed")
    elif train is not None:
        yield neutral(train, "it does not speak of measuring without training", "RR02", "RR09")


def _handing_on(about: Circumstances) -> Iterator[Said]:
    entry = about.entry
    clause, train, exception = entry.clause("redistribution"), entry.clause("train_any_model"), entry.clause("exceptions")
    if clause is not None and clause.value != "silent":
        if clause.value == "prohibited":
            yield prohibited(clause, "handing the outputs on is forbidden", "RR03")
        elif clause.value in {"allowed", "allowed-with-conditions"}:
            yield allowed(clause, "the text may be handed on under the conditions that are listed as obligations", "RR10")
        else:
            yield unknown(clause, f"clause value {clause.value!r} is not known to this program", "RR02")
    elif exception is not None and any(c.kind == "outputs-free" for c in exception.cases):
        yield allowed(exception, "outputs by themselves are free", "RR09")
    elif train is not None and train.value == "allowed" and entry.kind == "model-licence":
        yield allowed(train, "the licence leaves outputs free", "RR17")
    elif train is not None:
        yield neutral(train, "it does not speak of handing the text on; owning outputs is no answer to that", "RR02")


def _share_alike(about: Circumstances) -> Iterator[Said]:
    """Share-alike that does not say what it means for a model leaves releasing the weights open (RR17)."""
    duty = next((d for d in about.entry.duties if d.code == "share-alike"), None)
    clause = about.entry.clause("train_any_model")
    if duty is not None and clause is not None and about.use is Use.DISTRIBUTE_WEIGHTS:
        yield unknown(clause, "its content is share-alike, and nothing says whether that binds a model's weights", "RR17")


def _collecting(about: Circumstances) -> Iterator[Said]:
    """Judge the means apart from the purpose (RR11)."""
    clause = about.entry.clause("automated_extraction")
    if clause is None or clause.value == "silent":
        return
    found = _gathering(about, clause)
    if about.run.automated is TriState.NO and found.outcome is Permission.PROHIBITED:
        found = neutral(clause, "it bars automatic gathering, and the text is said not to be gathered so", "RR11")
    yield found


def _gathering(about: Circumstances, clause: Clause) -> Said:
    """Return what a text says on gathering by program."""
    if clause.value == "prohibited-without-approval" and about.has_approval:
        return allowed(clause, "the approval that it asks for is recorded", "RR08", "RR11", duties=("written-approval",))
    if clause.value in BARS:
        missing = ("automated", "approval") if "approval" in clause.value else ("automated",)
        return prohibited(clause, "gathering by program is forbidden, whatever for", "RR11", missing=missing)
    if clause.value == "allowed" or (clause.value == "allowed-with-conditions" and not clause.permits):
        return _within_conditions(about, clause)
    if clause.value == "allowed-with-conditions":
        return _only_through(about, clause)
    return unknown(clause, f"clause value {clause.value!r} is not known to this program", "RR02", "RR11")


def _within_conditions(about: Circumstances, clause: Clause) -> Said:
    if clause.value == "allowed" or any(d.when == "collection" for d in about.entry.duties):
        return allowed(clause, "gathering by program is allowed under the conditions that are listed as obligations", "RR10", "RR11")
    return unknown(clause, "gathering by program is allowed under conditions that are not catalogued", "RR10", "RR11")


def _only_through(about: Circumstances, clause: Clause) -> Said:
    ways = [w for w in (about.made.channel, about.made.access) if not is_absent(w)]
    words = ", ".join(clause.permits)
    if set(ways) & set(clause.permits):
        return allowed(clause, f"gathering through {words} is allowed", "RR10", "RR11")
    if not ways or (about.made.channel == "site" and is_absent(about.made.access)):
        return unknown(clause, f"gathering is allowed through {words} only, and nobody says how it was done", "RR10", "RR11", missing=("channel",))
    return prohibited(clause, f"gathering is allowed through {words} only", "RR10", "RR11")
