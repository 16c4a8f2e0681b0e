"""What every registry must do, run over the one in memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provenance.errors import ManifestError, NotRegisteredError, RegistryError
from provenance.model.dataset import Dataset, DatasetVersion, LicenseClaim, LicenseFacts, Shard
from provenance.model.finding import VerdictKind
from provenance.ports import UnitOfWork
from tests.fakes import values

NOTHING = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of the empty string, which RFC 6962 section 2.1 makes the tree hash of no entries."""


def record(units: UnitOfWork, *versions: DatasetVersion) -> None:
    with units.begin(actor="tester", action="register") as registry:
        for version in versions:
            registry.add_version(version)


def test_a_version_comes_out_as_it_went_in(units: UnitOfWork) -> None:
    version = values.full_version()
    record(units, version)
    with units.read() as registry:
        assert registry.dataset_version("chat-distilled") == version
        assert registry.dataset_version("chat-distilled", version.root_digest) == version


def test_datasets_are_listed_by_name_without_shards(units: UnitOfWork) -> None:
    plain = values.version(Dataset(name="b"), values.shards(3))
    record(units, plain, values.full_version("a"), values.version(Dataset(name="B"), values.shards(1)))
    with units.read() as registry:
        assert [v.dataset.name for v in registry.datasets()] == ["B", "a", "b"]
        assert registry.datasets()[2] == replace(plain, shards=())
        assert registry.datasets()[1].dataset == values.full_dataset("a")


def test_an_empty_registry_lists_nothing(units: UnitOfWork) -> None:
    with units.read() as registry:
        assert list(registry.datasets()) == []
        assert list(registry.audits()) == []
        assert list(registry.versions("x")) == []
        assert registry.scan_result("x") is None


def test_the_last_recorded_version_is_the_newest(units: UnitOfWork) -> None:
    old = values.version(Dataset(name="d"), values.shards(3), created="2026-03-01T11:00:00Z")
    new = values.version(Dataset(name="d"), values.shards(4), created="2026-02-01T11:00:00Z")
    record(units, old)
    record(units, new)
    with units.read() as registry:
        assert registry.dataset_version("d") == new
        assert registry.dataset_version("d", old.root_digest) == old
        assert list(registry.versions("d")) == [replace(old, shards=()), replace(new, shards=())]


def test_who_recorded_what_is_told_in_the_order_of_the_recordings(units: UnitOfWork) -> None:
    """Also where two are of the same second, and names are parts of one another."""
    with units.begin(actor="first", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), values.shards(1)))
    with units.begin(actor="second", action="import") as registry:
        registry.add_version(values.version(Dataset(name="aa"), values.shards(1)))
        registry.add_version(values.version(Dataset(name="a", title="a"), values.shards(1)))
    with units.read() as registry:
        assert [v.dataset.title for v in registry.versions("a")] == ["", "a"]
        assert list(registry.recorded_by("a")) == [(1, "first"), (2, "second")]
        assert list(registry.recorded_by("aa")) == [(2, "second")]
        assert list(registry.recorded_by('a%" \u00fc')) == []


def test_recording_the_same_again_changes_nothing_not_even_the_log(units: UnitOfWork) -> None:
    record(units, values.full_version())
    with units.read() as registry:
        head, revision = registry.log_head, registry.revision
    record(units, replace(values.full_version(), created="2027-01-01T00:00:00Z"))
    with units.read() as registry:
        assert (registry.log_head, registry.revision) == (head, revision)
        assert len(registry.versions("chat-distilled")) == 1


def test_changed_facts_of_the_same_shards_are_a_new_version(units: UnitOfWork) -> None:
    version = values.full_version()
    license_facts = LicenseFacts(declared=LicenseClaim(value="MIT", original="MIT"))
    relicensed = replace(version, dataset=replace(version.dataset, license=license_facts), created="2026-04-01T00:00:00Z")
    record(units, version)
    with units.read() as registry:
        before = registry.revision
    record(units, relicensed)
    with units.read() as registry:
        assert registry.dataset_version("chat-distilled", version.root_digest) == relicensed
        assert [v.dataset.license.effective for v in registry.versions("chat-distilled")] == ["CC-BY-4.0", "MIT"]
        assert registry.revision != before


def test_counting_what_was_not_counted_is_a_new_version(units: UnitOfWork) -> None:
    files = values.shards(2)
    counted = tuple(replace(s, words=11) for s in files)
    record(units, values.version(Dataset(name="d"), files))
    record(units, values.version(Dataset(name="d"), counted))
    with units.read() as registry:
        assert registry.dataset_version("d").shards == counted


def test_going_back_to_an_older_state_makes_it_the_newest(units: UnitOfWork) -> None:
    first, second = (values.version(Dataset(name="d"), values.shards(n)) for n in (1, 2))
    for version in (first, second, first):
        record(units, version)
    with units.read() as registry:
        assert registry.dataset_version("d") == first
        assert [v.root_digest for v in registry.versions("d")] == [first.root_digest, second.root_digest, first.root_digest]


def test_the_revision_tells_only_of_facts(units: UnitOfWork) -> None:
    record(units, values.full_version())
    with units.read() as registry:
        before = registry.revision
    with units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(values.scan(), values.digest(9))
    with units.read() as registry:
        assert registry.revision == before


@pytest.mark.parametrize("name", ["d", "e"])
def test_what_is_not_registered_is_an_error(units: UnitOfWork, name: str) -> None:
    record(units, values.version(Dataset(name="d"), values.shards(1)))
    with units.read() as registry, pytest.raises(NotRegisteredError, match=f"'{name}'"):
        registry.dataset_version(name, values.digest(12))


def test_a_wrong_root_digest_is_refused(units: UnitOfWork) -> None:
    version = values.full_version()
    shorter = replace(version, shards=version.shards[:-1])
    with pytest.raises(ManifestError), units.begin(actor="tester", action="register") as registry:
        registry.add_version(shorter)
    with units.read() as registry:
        assert list(registry.datasets()) == []


def test_a_version_without_shards_has_the_root_of_nothing(units: UnitOfWork) -> None:
    empty = DatasetVersion(dataset=Dataset(name="d"), root_digest=values.digest(0), shards=(), created=values.CREATED)
    with pytest.raises(ManifestError), units.begin(actor="tester", action="register") as registry:
        registry.add_version(empty)
    known_only_by_metadata = replace(empty, root_digest=NOTHING)
    record(units, known_only_by_metadata)
    with units.read() as registry:
        assert registry.dataset_version("d") == known_only_by_metadata


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_stream_of_shards_is_recorded_as_the_same_shards_at_once(units: UnitOfWork, count: int) -> None:
    files = tuple(sorted(values.shards(count), key=lambda s: s.path))
    whole = values.version(Dataset(name="d"), files) if files else None
    facts = DatasetVersion(dataset=Dataset(name="d"), root_digest="", shards=(), created=values.CREATED)
    with units.begin(actor="tester", action="import") as registry:
        summary = registry.add_stream(facts, lambda: iter(files))
    assert (summary.shards, summary.size_bytes) == (count, sum(s.size_bytes for s in files))
    assert summary.root_digest == (whole.root_digest if whole else NOTHING)
    with units.read() as registry:
        assert registry.dataset_version("d") == (whole or replace(facts, root_digest=NOTHING))
        assert list(registry.iter_shards("d")) == list(files)
        head = registry.log_head
    with units.begin(actor="tester", action="import") as registry:
        registry.add_stream(facts, lambda: iter(files))
        if whole is not None:
            registry.add_version(whole)
    with units.read() as registry:
        assert (len(registry.versions("d")), registry.log_head) == (1, head)


@pytest.mark.parametrize(
    "spoil", [lambda s: (s[1], s[0]), lambda s: (s[0], s[0]), lambda s: (s[0], replace(s[0], root="z", sha256=values.digest(77)))]
)
def test_a_stream_out_of_order_or_with_a_file_twice_is_refused(units: UnitOfWork, spoil: Callable[[tuple[Shard, ...]], tuple[Shard, ...]]) -> None:
    files = spoil(tuple(sorted(values.shards(2), key=lambda s: s.path)))
    facts = DatasetVersion(dataset=Dataset(name="d"), root_digest="", shards=(), created=values.CREATED)
    with pytest.raises(ManifestError), units.begin(actor="tester", action="import") as registry:
        registry.add_stream(facts, lambda: iter(files))
    with units.read() as registry:
        assert registry.newest("d") is None


def test_facts_change_and_shards_stay(units: UnitOfWork) -> None:
    version = values.full_version()
    record(units, version)
    changed = replace(version.dataset, title="Another title")
    for _ in range(2):
        with units.begin(actor="tester", action="import") as registry:
            registry.change_facts(changed, created=values.CREATED)
    with units.read() as registry:
        assert registry.dataset_version(changed.name) == replace(version, dataset=changed)
        assert registry.newest(changed.name) == replace(version, dataset=changed, shards=())
        assert len(registry.versions(changed.name)) == 2
    with pytest.raises(NotRegisteredError), units.begin(actor="tester", action="import") as registry:
        registry.change_facts(replace(changed, name="another"), created=values.CREATED)


def test_a_file_listed_twice_is_refused(units: UnitOfWork) -> None:
    files = values.shards(2)
    twice = values.version(Dataset(name="d"), (*files, replace(files[0], records=99)))
    with pytest.raises(ManifestError), units.begin(actor="tester", action="register") as registry:
        registry.add_version(twice)


def test_a_failed_unit_leaves_nothing(units: UnitOfWork) -> None:
    with units.read() as registry:
        head = registry.log_head

    def interrupted() -> None:
        with units.begin(actor="tester", action="register") as registry:
            registry.add_version(values.full_version())
            registry.save_scan(values.scan(), values.digest(9))
            raise KeyError("interrupted")

    with pytest.raises(KeyError):
        interrupted()
    with units.read() as registry:
        assert list(registry.datasets()) == []
        assert registry.scan_result("scan-1") is None
        assert registry.log_head == head


def test_a_unit_sees_what_it_has_recorded(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.full_version())
        assert registry.dataset_version("chat-distilled") == values.full_version()
        assert [v.dataset.name for v in registry.datasets()] == ["chat-distilled"]


def test_a_reading_unit_refuses_to_write(units: UnitOfWork) -> None:
    with units.read() as registry, pytest.raises(RegistryError, match="reading"):
        registry.add_version(values.full_version())
    with units.read() as registry, pytest.raises(RegistryError, match="reading"):
        registry.save_scan(values.scan(), values.digest(9))
    with units.read() as registry, pytest.raises(RegistryError, match="reading"):
        registry.save_audit(values.audit(), values.digest(9))


def test_scan_results_come_back_and_the_last_one_counts(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(values.scan(), values.digest(9))
        registry.save_scan(values.scan("scan-2"), values.digest(10))
    with units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(values.scan(alarms=7), values.digest(11))
    with units.read() as registry:
        assert registry.scan_result("scan-1") == (values.scan(alarms=7), values.digest(11))
        assert registry.scan_result("scan-2") == (values.scan("scan-2"), values.digest(10))


def test_audits_are_listed_newest_first(units: UnitOfWork) -> None:
    for number, verdict in enumerate(VerdictKind):
        with units.begin(actor="tester", action="audit") as registry:
            registry.save_audit(values.audit(f"audit-{number}", verdict=verdict), values.digest(number))
    with units.read() as registry:
        assert list(registry.audits()) == [
            (f"audit-{n}", values.CREATED, "helpdesk-7b", verdict.value, values.digest(n)) for n, verdict in reversed(list(enumerate(VerdictKind)))
        ]


def test_saving_the_same_scan_or_audit_again_leaves_no_log_row(units: UnitOfWork) -> None:
    heads = []
    for _ in range(2):
        with units.begin(actor="tester", action="audit") as registry:
            registry.save_audit(values.audit(), values.digest(1))
            registry.save_scan(values.scan(), values.digest(2))
        with units.read() as registry:
            heads.append(registry.log_head)
            assert len(registry.audits()) == 1
    assert heads[0] == heads[1]


def test_every_unit_that_changes_something_moves_the_log_head(units: UnitOfWork) -> None:
    heads = []
    for count in (1, 2, 3):
        record(units, values.version(Dataset(name="d"), values.shards(count)))
        with units.read() as registry:
            heads.append(registry.log_head)
    with units.begin(actor="tester", action="nothing"):
        pass
    with units.read() as registry:
        assert registry.log_head == heads[-1]
    assert len(set(heads)) == 3
    assert all(h.startswith("sha256:") for h in heads)


def test_texts_of_all_scripts_and_hostile_names_survive(units: UnitOfWork) -> None:
    nasty = "'; DROP TABLE shards; -- \\u0000 %s :x {y}\n\t\u202e𝕏 日本"
    files = tuple(replace(s, path=f"{nasty}/{i}") for i, s in enumerate(values.shards(3)))
    version = values.version(Dataset(name=nasty, title=nasty, tags=(nasty, ""), text_field=""), files)
    record(units, version)
    with units.read() as registry:
        assert registry.dataset_version(nasty) == version


@pytest.mark.parametrize(
    ("units", "name"),
    [("memory", ""), *((kind, name) for kind in ("sqlite", "postgresql") for name in ("", "a\x00b", "\ud800"))],
    indirect=["units"],
)
def test_names_that_cannot_be_stored_are_refused(units: UnitOfWork, name: str) -> None:
    with pytest.raises(ManifestError), units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name=name), values.shards(1)))


def test_many_scan_results_are_found_at_once(units: UnitOfWork) -> None:
    names = [f"scan-{i}" for i in range(1200)]
    with units.begin(actor="a", action="scan") as registry:
        for name in names[:3]:
            registry.save_scan(values.scan(name), values.digest(1))
        registry.save_scan(values.scan("scan-1", alarms=7), values.digest(2))
    with units.read() as registry:
        assert registry.scan_results(names) == {
            "scan-0": (values.scan("scan-0"), values.digest(1)),
            "scan-1": (values.scan("scan-1", alarms=7), values.digest(2)),
            "scan-2": (values.scan("scan-2"), values.digest(1)),
        }
        assert registry.scan_results(()) == {}


def test_the_newest_scans_of_a_frame_come_last_first(units: UnitOfWork) -> None:
    one, other = values.digest(61), values.digest(62)
    scans = [replace(values.scan(f"s{i}"), frame=one if i % 2 else other) for i in range(9)]
    scans += [replace(values.scan("frameless"), frame="", segments="", touched="")]
    for i, scan in enumerate(scans):
        with units.begin(actor="tester", action="scan") as registry:
            registry.save_scan(scan, values.digest(70 + i))
    with units.read() as registry:
        found = registry.scans_in({one, other, values.digest(63)}, newest=3)
        assert found == {
            one: [(scans[i], values.digest(70 + i)) for i in (7, 5, 3)],
            other: [(scans[i], values.digest(70 + i)) for i in (8, 6, 4)],
        }
        assert registry.scans_in((), newest=3) == {}
        assert registry.scan_result("frameless") == (scans[-1], values.digest(79))


def test_what_was_recorded_again_is_the_newest_of_its_frame(units: UnitOfWork) -> None:
    first, second = values.scan("first"), values.scan("second")
    for scan, evidence in ((first, 1), (second, 2), (first, 3)):
        with units.begin(actor="tester", action="scan") as registry:
            registry.save_scan(scan, values.digest(evidence))
    with units.read() as registry:
        assert registry.scans_in({first.frame}, newest=1) == {first.frame: [(first, values.digest(3))]}


def test_what_was_noted_comes_back_by_kind_and_action(units: UnitOfWork) -> None:
    for action, kind, text in (
        ("break-glass", "passes", "one"),
        ("clear", "passes", "other action"),
        ("break-glass", "others", "x"),
        ("break-glass", "passes", "two"),
    ):
        with units.begin(actor="tester", action=action) as registry:
            registry.note(kind, reason=text)
    with units.read() as registry:
        found = registry.noted("passes", action="break-glass")
        assert [dict(facts) for _, facts in found] == [{"reason": "one"}, {"reason": "two"}]
        assert all(at.endswith("Z") for at, _ in found)
        assert list(registry.noted("passes", action="nothing")) == []
