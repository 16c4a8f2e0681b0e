"""The lineage drawing of the page: every dataset, model and ancestor stands in it, with each step in the table, and a crowd is drawn together."""

from __future__ import annotations

import dataclasses

from provenance.model.audit import AuditRecord
from provenance.model.lineage import LineageEdge, LineageGraph, LineageNode
from provenance.report.origins import MOST_DRAWN, origins_map
from provenance.report.standing import duty_lines, signed_sentence, waiver_lines
from tests.fakes import records

ROOT, RAW, LOST = (("forum-dump", records.sha("root forum-dump")), ("forum-raw", records.sha("raw")), ("pile", "UNKNOWN"))
GRAPH = LineageGraph(
    root=ROOT,
    nodes=(
        LineageNode(name=LOST[0], root_digest=LOST[1], registered=False, depth=-2),
        LineageNode(name=RAW[0], root_digest=RAW[1], registered=True, depth=-1),
        LineageNode(name=ROOT[0], root_digest=ROOT[1], registered=True),
    ),
    edges=(LineageEdge(source=RAW, target=ROOT, transform="filter", tool="sieve 2"), LineageEdge(source=LOST, target=RAW, transform="declared")),
)


def steps(record: AuditRecord, *graphs: LineageGraph) -> set[tuple[str, ...]]:
    table = origins_map(record, graphs).table
    assert table is not None
    return set(table.rows)


def test_datasets_say_what_they_are_made_of() -> None:
    found = steps(records.blocked_record())
    assert found == {
        ("lumen-2-chat of lumen-ai", "generate", "chat-distilled"),
        ("forum-raw", "derived from", "forum-dump"),
        ("meta-llama/Llama-3.1-8B", "base model", "helpdesk-7b"),
        *((name, "trained on", "helpdesk-7b") for name in ("chat-distilled", "forum-dump", "support-tickets", "web-crawl")),
    }


def test_recorded_steps_replace_what_is_only_said_and_unregistered_sources_are_counted() -> None:
    found = steps(records.blocked_record(), GRAPH)
    assert ("forum-raw", "filter, by sieve 2", "forum-dump") in found
    assert ("forum-raw", "derived from", "forum-dump") not in found
    assert ("pile", "derived from", "forum-raw") in found
    chart = origins_map(records.blocked_record(), [GRAPH])
    assert chart.title == "4 datasets of the run, which come from 2 other datasets and 1 model; 1 of these is not registered"
    assert "not registered: what it is made of is not known" in {k.label for k in chart.key}


def test_a_dataset_of_the_run_made_of_another_one_stands_to_its_right() -> None:
    record = records.blocked_record()
    first = record.datasets[0]
    made = dataclasses.replace(first, dataset=dataclasses.replace(first.dataset, derived_from=("web-crawl",)))
    chart = origins_map(dataclasses.replace(record, datasets=(made, *record.datasets[1:])))
    assert chart.table is not None
    assert ("web-crawl", "derived from", "chat-distilled") in chart.table.rows
    x = {name: chart.svg.index(f">{name}</text>") for name in ("web-crawl", "chat-distilled")}
    assert x["web-crawl"] < x["chat-distilled"], "columns are drawn from left to right"


def test_a_crowd_is_drawn_together_and_told_one_by_one() -> None:
    chart = origins_map(records.huge_record(datasets=100, findings=100))
    assert chart.svg.count("<rect") + chart.svg.count("<path") < 3 * MOST_DRAWN
    assert "100 together" in chart.svg
    assert chart.table is not None
    assert len(chart.table.rows) == 101


def test_hostile_names_stay_text() -> None:
    chart = origins_map(records.hostile_record())
    assert "<script" not in chart.svg
    assert "\u202e" not in chart.svg


def test_a_run_without_datasets_says_so() -> None:
    assert origins_map(records.empty_record()).title == "Nothing to draw: the run names no dataset."


def test_waivers_tell_on_which_day_they_end() -> None:
    record = records.blocked_record()
    (line,) = waiver_lines(record)
    assert line.state == "covers 1 finding; 69 days left at the audit"
    ended = dataclasses.replace(record.waivers[0], id="W-0", expires="2026-11-23")
    today = dataclasses.replace(record.waivers[0], id="W-1", expires="2026-11-24")
    states = [w.state for w in waiver_lines(dataclasses.replace(record, waivers=(today, ended)))]
    assert states == ["expired 1 day before the audit: it covers nothing", "not used: it covers no finding; ends on the day of the audit"]


def test_the_checklist_holds_each_duty_once_and_unknown_ones_last() -> None:
    twice = (*records.DUTIES, dataclasses.replace(records.DUTIES[0], dataset="other"))
    lines = duty_lines(twice)
    assert [d.code for d in lines] == ["attribution:required", "name-prefix:Llama", "notice:required"]
    assert lines[0].datasets == "other, web-crawl"
    assert [d.open for d in lines] == [False, False, True]


def test_nobody_looked_is_not_nobody_signed() -> None:
    assert signed_sentence(None).startswith("not known")
    assert signed_sentence(()).startswith("nobody yet")
