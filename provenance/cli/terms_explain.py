"""``provenance terms explain``: which texts applied, and what they say about each use, step by step."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, short, visible
from provenance.errors import ProvenanceError, TermsDocumentError
from provenance.model.absence import is_absent

if TYPE_CHECKING:
    from provenance.licensing.questions import Question
    from provenance.licensing.resolution import TermsAnswer, TermsLayer, UseAnswer
    from provenance.licensing.terms_values import TermsCatalog, TermsVersion
    from provenance.model.dataset import DateRange

EXIT_PARTIAL = 4
MAX_LINE_BYTES = 1 << 20
"""Longest question read from a file of questions."""
_COLORS = {"ALLOWED": "green", "PROHIBITED": "red", "UNKNOWN": "yellow"}
_YES_NO = click.Choice(["yes", "no", "unknown"])
_NOT_QUESTION = ("generated", "not_competing", "is_commercial")
_APPROVAL_PARTS = 4


@click.command("explain")
@click.option("--provider", default=None, help="Whose model made the text, or which site it came from.")
@click.option("--model", default=None, help="Model id, such as gpt-4-0613.")
@click.option("--channel", default=None, help="api, consumer, weights, cloud, host, aggregator, site or code-assistant.")
@click.option("--region", default=None, help="Region of the account, such as EU.")
@click.option("--host", default=None, help="Who served the model, where that is not its provider.")
@click.option("--access", default=None, help="How text came off a site: crawl, data-api or dump.")
@click.option("--from", "from_", default=None, help="First day of generation, such as 2024-03-01.")
@click.option("--to", default=None, help="Last day of generation, included.")
@click.option("--generated", default=None, help="Both days: 2024-03-01 or 2024-03-01..2024-05-31.")
@click.option("--use", "use", multiple=True, help="What is asked, such as train-competing; may be given again; by default every use.")
@click.option("--competing", type=_YES_NO, default=None, help="Whether the trained model competes with the provider.")
@click.option("--not-competing", is_flag=True, help="The same as --competing no.")
@click.option("--commercial/--non-commercial", "is_commercial", default=None, help="What the trained model is for.")
@click.option("--distribute-weights", type=_YES_NO, default=None, help="Whether others will get the weights.")
@click.option("--distribute-data", type=_YES_NO, default=None, help="Whether others will get the text.")
@click.option("--model-kind", default=None, help="What is trained: llm, classifier, embedding or other.")
@click.option("--model-family", default=None, help="Family of the trained model, such as llama-3.")
@click.option("--imitates", type=_YES_NO, default=None, help="Whether it is to behave like the model that made the text.")
@click.option("--similar", type=_YES_NO, default=None, help="Whether it is similar to the service that made the text.")
@click.option("--grounded", type=_YES_NO, default=None, help="Whether the outputs rest on search results.")
@click.option("--automated", type=_YES_NO, default=None, help="Whether the text was gathered by program.")
@click.option("--output-type", default=None, help="text (taken if not given), image, voice, audio or video.")
@click.option("--obtained", default=None, help="own-account or third-party.")
@click.option("--release-date", default=None, help="Day on which the users were counted.")
@click.option("--monthly-active-users", type=click.IntRange(min=0), default=None, help="Of all products of the organization.")
@click.option("--revenue", type=click.IntRange(min=0), default=None, help="US dollars in a year.")
@click.option("--approval", "approvals", multiple=True, metavar="WHAT,WHO,DAY,EVIDENCE", help="Approval by a provider or under a terms id.")
@click.option("--batch", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File of questions, one JSON object a line; - is stdin.")
@text_or_json
@pass_context
def explain(ctx: CommandContext, /, output: str, batch: Path | None, **given: object) -> int:
    """Say which terms applied, and what they say about each use.

    Give --provider and what else is known, or --batch.
    """
    catalog = _catalog(ctx)
    if batch is not None:
        if any(v not in (None, (), False) for v in given.values()):
            raise click.UsageError("give --batch or a question, not both")
        return _answer_all(ctx, batch, catalog)
    question = _question(given, _today(ctx))
    from provenance.licensing.answer_documents import answer_document
    from provenance.licensing.questions import answer_question

    answer = answer_question(catalog, question)
    if output == "json":
        say_json(answer_document(question, answer, catalog))
    else:
        _say_answer(question, answer, catalog)
        next_step(f"provenance terms show {answer.layers[0].terms}" if answer.layers else "provenance terms list", quiet=ctx.quiet)
    return 0


def _catalog(ctx: CommandContext) -> TermsCatalog:
    from provenance.bootstrap import any_workspace

    return any_workspace(ctx.start).terms


def _today(ctx: CommandContext) -> dt.date:
    from provenance.bootstrap import any_workspace

    return dt.date.fromisoformat(any_workspace(ctx.start).clock.now()[:10])


def _question(given: Mapping[str, object], today: dt.date) -> Question:
    """Return the question that options ask."""
    from provenance.licensing.questions import parse_question

    if given["provider"] is None:
        raise click.UsageError("give --provider, or --batch FILE")
    asked = {("from" if k == "from_" else k): v for k, v in given.items() if v not in (None, ()) and k not in _NOT_QUESTION}
    asked |= _days_of(given)
    if given["not_competing"]:
        if given["competing"] == "yes":
            raise click.UsageError("--competing yes and --not-competing contradict one another")
        asked["competing"] = "no"
    if given["is_commercial"] is not None:
        asked["commercial"] = given["is_commercial"]
    for name in ("use", "approvals"):
        if name in asked:
            values = asked[name]
            asked[name] = [_approval(str(v)) if name == "approvals" else v for v in values] if isinstance(values, tuple) else values
    return parse_question(asked, today=today)


def _days_of(given: Mapping[str, object]) -> dict[str, object]:
    if given["generated"] is None:
        return {}
    if given["from_"] is not None or given["to"] is not None:
        raise click.UsageError("give --from and --to, or --generated, not both")
    first, _, last = str(given["generated"]).partition("..")
    return {"from": first, "to": last or first}


def _approval(text: str) -> dict[str, str]:
    parts = [p.strip() for p in text.split(",", _APPROVAL_PARTS - 1)]
    if len(parts) != _APPROVAL_PARTS:
        raise click.UsageError(f"--approval {text!r}: expected WHAT,WHO,DAY,EVIDENCE, such as anthropic,legal@example.org,2026-01-31,letter.pdf")
    what = "terms" if "." in parts[0] else "provider"
    return {what: parts[0], "who": parts[1], "when": parts[2], "evidence": parts[3]}


def _answer_all(ctx: CommandContext, batch: Path, catalog: TermsCatalog) -> int:
    """Answer a file of questions, one line each, in order; a line that cannot be answered says why, and the rest goes on."""
    from provenance.licensing.answer_documents import answer_document
    from provenance.licensing.questions import answer_question, parse_question

    failed, today = 0, _today(ctx)
    for number, line in _lines(ctx, batch):
        found: object = None
        try:
            found = _read_line(line)
            question = parse_question(found, today=today)
            document = answer_document(question, answer_question(catalog, question), catalog)
            document = {**document, "id": found.get("id")}
        except ProvenanceError as err:
            failed += 1
            document = {"id": found.get("id") if isinstance(found, dict) else None, "line": number, "error": _error(err)}
        click.echo(json.dumps(document, ensure_ascii=False, sort_keys=True))
    if failed:
        say(f"{failed} of the questions could not be read", err=True)
    return EXIT_PARTIAL if failed else 0


def _read_line(line: bytes) -> dict[str, object]:
    """Return the question of a line; every way in which a line can be none is told in words."""
    try:
        found = json.loads(line.decode("utf-8"), object_pairs_hook=_without_repeats)
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as err:
        raise TermsDocumentError(f"byte {err.start + 1} of the line is not UTF-8", hint="save the file as UTF-8") from err
    except UnicodeEncodeError as err:
        raise TermsDocumentError(
            "the line holds half a character (a lone \\ud800 … \\udfff)", hint="write both halves, or the character itself"
        ) from err
    except json.JSONDecodeError as err:
        raise TermsDocumentError(f"column {err.colno} of the line: this is no JSON", hint="write one JSON object on each line") from err
    except RecursionError as err:
        raise TermsDocumentError("the line is nested too deeply", hint="a question needs no more than three levels") from err
    except ValueError as err:  # of all else, Python refuses only numbers of thousands of digits
        raise TermsDocumentError("the line holds a number with too many digits", hint="write plain digits, such as 700000000") from err
    if not isinstance(found, dict):
        raise TermsDocumentError("a question is one JSON object")
    return found


def _error(err: Exception) -> str:
    hint = getattr(err, "hint", None)
    return f"{err}; {hint}" if hint else str(err)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise TermsDocumentError(f"key {key!r} stands twice")
        found[key] = value
    return found


def _lines(ctx: CommandContext, batch: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that hold something, with their numbers."""
    try:
        with sys.stdin.buffer if str(batch) == "-" else ctx.path(batch).open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), start=1):
                if line.strip():
                    yield number, line
    except OSError as err:
        raise TermsDocumentError(f"{batch}: cannot be read: {err.strerror or err}") from err


def _say_answer(question: Question, answer: TermsAnswer, catalog: TermsCatalog) -> None:
    generator = question.generator
    for use in answer.uses:
        say(f"{use.outcome:<10}  {use.use}", bold=True, color=_COLORS[use.outcome])
    say()
    say_fitting(f"Outputs of {visible(generator.provider)} {visible(generator.model)}, channel {generator.channel}, region {generator.region}")
    say(f"  generated {generator.generated.start} to {generator.generated.end}")
    for layer in answer.layers:
        _say_layer(layer, catalog, generator.generated)
    for alike in _alike(answer.uses):
        _say_use(alike)
    _say_rest(answer)
    say_fitting(f"catalogue {catalog.version[:40]} {short(catalog.digest)}; not legal advice", err=True)


def _say_layer(layer: TermsLayer, catalog: TermsCatalog, days: DateRange) -> None:
    entry = catalog.get(layer.terms)
    say()
    say_fitting(f"{layer.outcome or 'silent'}  {visible(layer.terms)}: {visible(layer.title)}", bold=True)
    say_fitting(f"  in force  {_in_force(layer, entry, days)}")
    say_fitting(f"  applies   {visible(layer.why)}")
    if entry is not None:
        say_fitting(f"  text      {entry.kind}, {entry.confidence}; channels {'+'.join(entry.channels)}; regions {'+'.join(entry.regions)}")
        say_fitting(f"  source    {visible(entry.source)}")
        if entry.url and entry.url != entry.source:
            say_fitting(f"  address   {visible(entry.url)}")
        say_fitting(f"  bound     {visible(entry.bound or 'not catalogued')}")
    for clause in layer.clauses:
        say_fitting(f"  clause    {clause.clause} = {visible(clause.value)}")
        if clause.quote:
            say_fitting(f'  quote     "{visible(clause.quote)}"')
    says = dict.fromkeys(layer.says)
    for outcome in ("PROHIBITED", "UNKNOWN", "ALLOWED"):
        uses = [use for use, said in says if said == outcome]
        if uses:
            say_fitting(f"  says      {outcome}: {', '.join(uses)}")


def _in_force(layer: TermsLayer, entry: TermsVersion | None, days: DateRange) -> str:
    """Return from when until when a text held, the end not included, and on how many of the days asked."""
    from provenance.licensing.terms_chains import days_of

    until = "" if is_absent(layer.effective_to) else f" until {layer.effective_to}"
    since = "since a day that is not known" if is_absent(layer.effective_from) else f"from {layer.effective_from}"
    held = days_of(entry, days) if entry is not None and entry.kind != "model-licence" else ""
    return f"{since}{until}, {held or 'whatever the day'}{'' if layer.applies == 'surely' else '; possibly this text'}"


def _alike(uses: Sequence[UseAnswer]) -> list[list[UseAnswer]]:
    """Put uses together that have the same outcome for the same reasons."""
    groups: dict[tuple[object, ...], list[UseAnswer]] = {}
    for use in uses:
        groups.setdefault((use.outcome, use.reasons, use.rules), []).append(use)
    return list(groups.values())


def _say_use(uses: Sequence[UseAnswer]) -> None:
    say()
    say_fitting(f"{uses[0].outcome}: {', '.join(u.use for u in uses)}", bold=True)
    for reason in uses[0].reasons:
        say_fitting(f"  because   {visible(reason)}")
    say_fitting(f"  rules     {', '.join(uses[0].rules)}")


def _say_rest(answer: TermsAnswer) -> None:
    from provenance.licensing.answer_documents import missing_facts
    from provenance.licensing.reading_rules import rule_lines

    _say_block(
        "Obligations",
        [f"{o.code} ({o.terms}){'' if o.due == 'YES' else ', if it applies'}: {o.summary}{_tested(o.tested_when)}" for o in answer.obligations],
    )
    _say_block("Conflicts", [f"{c.summary} ({c.use or 'all uses'}, {c.rule})" for c in answer.conflicts])
    _say_block(
        "Split by day (RR04)", [f"{s.first} to {s.last}: {', '.join(f'{use} {outcome}' for use, outcome in s.outcomes)}" for s in answer.splits]
    )
    _say_block("Texts beside the days that none covers", [n.summary for n in answer.nearby])
    _say_block("Missing facts", [f"{m['what']}: {m['how']}" for m in missing_facts(answer.missing)])
    _say_block("Reading rules", list(rule_lines(answer.rules)))


def _tested(when: str) -> str:
    return f" Tested {'at any time' if when == 'always' else f'once, on {when}'}." if when else ""


def _say_block(title: str, lines: list[str]) -> None:
    if lines:
        say()
        say(title, bold=True)
    for line in dict.fromkeys(lines):
        say_fitting(f"  {visible(line)}")
