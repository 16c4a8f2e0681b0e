"""Which runs read a dataset, and when it was first used: never blank, never more than the records say, never nothing where nobody saw."""

from __future__ import annotations

from dataclasses import replace

from provenance.audit.affected_runs import affected_runs
from provenance.audit.runs import NO_RECORD, UNSEEN, first_use
from provenance.model.absence import TriState
from provenance.model.training import RecordedRun
from provenance.report.trained import trained_rows, trained_table
from tests.fakes import records, values
from tests.fakes.clock import TickingClock
from tests.fakes.registry import InMemoryUnitOfWork


def units_with(*runs: RecordedRun) -> InMemoryUnitOfWork:
    units = InMemoryUnitOfWork(TickingClock())
    for run in runs:
        with units.begin(actor="tester", action="runs import") as registry:
            registry.add_run(run)
    return units


def read_at(number: int, first: str, *, signed: bool = True) -> RecordedRun:
    run = values.training_run(number, signed=signed)
    return replace(run, reads=tuple(replace(r, first_read=first, last_read=first) if r.dataset == "set1" else r for r in run.reads))


def test_the_first_of_several_runs_tells_when_a_dataset_was_first_used() -> None:
    units = units_with(read_at(1, "2026-05-01T00:00:00Z"), read_at(2, "2026-04-01T00:00:00Z", signed=False), read_at(3, "2026-06-01T00:00:00Z"))
    with units.read() as registry:
        used = first_use(registry, "set1")
        assert [u.reads.first_read[:7] for u in used.uses] == ["2026-04", "2026-05", "2026-06"]
        assert used.last_read == "2026-06-01T00:00:00Z"
        assert used.sentence.startswith("2026-04-01, by helpdesk-7b, run 000000000000")
        assert used.sentence.endswith("(UNSIGNED)")
        assert first_use(registry, "set1", values.digest(99)).sentence == NO_RECORD


def test_no_record_and_no_read_seen_are_two_answers_and_neither_is_blank() -> None:
    with units_with(values.training_run()).read() as registry:
        assert first_use(registry, "set9").sentence == NO_RECORD
        assert first_use(registry, "set0").sentence == UNSEEN
        assert first_use(registry, "set0").first is None


def test_a_run_that_may_have_read_is_affected_and_one_that_vouches_is_not() -> None:
    vouches = replace(values.training_run(2), unseen=TriState.NO)
    with units_with(values.training_run(1), vouches).read() as registry:
        assert [r.id for r in affected_runs(registry, ["set0"])] == [values.training_run(1).id]
        assert len(affected_runs(registry, ["set1"])) == 2
        assert affected_runs(registry, ["set9"]) == ()
        assert [r.id for r in affected_runs(registry, [], audits=["audit-2"])] == [vouches.id]


def test_the_reports_table_has_a_row_for_each_dataset_and_no_blank_cell() -> None:
    record = records.cleared_record()
    empty = trained_table(record, ())
    assert len(empty.rows) == len(record.datasets) > 0
    assert all(cell == "not known – no run record" for row in empty.rows for cell in row[1:])
    summary = record.datasets[0]
    reads = replace(values.training_run().reads[1], dataset=summary.dataset.name, root_digest=summary.root_digest)
    runs = [replace(values.training_run(1, signed=False), reads=(reads,))]
    table = trained_table(record, runs)
    assert table.rows[0][1:3] == (reads.first_read, reads.last_read)
    assert "UNSIGNED" in table.rows[0][3]
    assert "UNSIGNED" in table.note
    assert all(cell for row in table.rows for cell in row)
    assert all(str(cell) for row in trained_rows(record, runs) for cell in row)
    unseen = [replace(runs[0], reads=(replace(reads, first_read="", last_read=""),))]
    assert trained_table(record, unseen).rows[0][1].startswith("not known – runs had it")
