"""A clearance is for exactly what was judged: nothing blocked, nothing unreviewed, nothing that changed since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.audit.admitting import Verifier
from provenance.audit.clear import InForce, PreparedClearance, _end_of_day, prepare_clearance, write_clearance
from provenance.audit.register import leaf_of
from provenance.audit.review import Released, ReleaseFields, find_released, record_digest, release_audit
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.clearance.envelope import parse_envelope
from provenance.clearance.statement import Basis, GateLeave, parse_statement
from provenance.clearance.trust import Trust, TrustedKey
from provenance.errors import NotRegisteredError, SubjectMismatchError, UntrustedKeyError, VerdictError
from provenance.fingerprint.digest import merkle_root, parse_manifest
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import LicensePart
from provenance.model.finding import Action, Finding, Subject, SubjectKind, VerdictKind, Waiver
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.model.run import RunData
from provenance.model.wire import to_wire
from tests.fakes.clearances import rfc_key
from tests.fakes.records import cleared_record, make_finding, make_summary
from tests.fakes.world import World, plain_dataset

NOW = "2026-11-24T12:00:00Z"
WINDOW = {"not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"}
ISSUER = rfc_key().trusted(name="Ada Clearer", roles=("issuer",), **WINDOW)
REVIEWER = rfc_key(1).trusted(name="Grace Reviewer", roles=("reviewer",), **WINDOW)
TRUST = Trust(keys=(ISSUER, REVIEWER), thresholds=(("issuer", 1),))


WAIVER = Waiver(
    id="w1",
    rule="L001",
    subject=Subject(kind=SubjectKind.DATASET, id="one", digest="sha256:" + "0" * 64),
    reason="other",
    comment="",
    requested_by="a",
    approved_by="b",
    created="2026-11-01",
    expires="2026-11-26",
)


@pytest.fixture
def world() -> World:
    return World({"a.jsonl": b"one\n", "b.jsonl": b"two\n", "c.jsonl": b"three\n"}, now=NOW)


def clear(
    record: AuditRecord, tools: Tools, *, issuer: TrustedKey, days: int, released: Released | None = None, stored: bool = True
) -> PreparedClearance:
    """Clear a record as the registry that made it would, under the same references, terms and policy."""
    if stored:
        with tools.units.begin(actor="a", action="audit") as registry:
            registry.save_audit(record, digest_of(to_wire(record)))
    return prepare_clearance(record, tools, issuer=issuer, days=days, in_force=in_force(record), released=released)


def in_force(record: AuditRecord) -> InForce:
    return InForce(
        indexes=tuple(r.digest for r in record.references),
        terms=record.terms_catalog_digest,
        licenses=record.licenses_digest,
        policies=tuple(p.digest for p in record.policy),
        waivers=record.waivers,
    )


def judged_record(world: World, *, verdict: VerdictKind = VerdictKind.CLEARED) -> AuditRecord:
    """Register two datasets and return an audit of them."""
    versions = [world.register(plain_dataset("one"), "a.jsonl"), world.register(plain_dataset("two"), "b.jsonl", "c.jsonl")]
    summaries: list[DatasetSummary] = [
        replace(make_summary(v.dataset, weight=0.5, shards=len(v.shards), words=10), root_digest=v.root_digest) for v in versions
    ]
    with world.units.read() as registry:
        leaves = [leaf for v in versions for leaf in registry.dataset_version(v.dataset.name).shards]
        head = registry.log_head
    root = merkle_root(map(leaf_of, leaves))
    findings = {
        VerdictKind.CLEARED: (),
        VerdictKind.REVIEW: (_finding("L003", Action.REVIEW),),
        VerdictKind.BLOCKED: (_finding("L001", Action.DENY), _finding("L003", Action.REVIEW)),
    }
    return replace(
        cleared_record(),
        created=NOW,
        log_head=head,
        datasets=tuple(summaries),
        shards_total=3,
        manifest_root=root,
        licenses_digest="sha256:" + "77" * 32,
        verdict=verdict,
        findings=findings[verdict],
    )


def _finding(rule: str, action: Action) -> Finding:
    subject = Subject(kind=SubjectKind.DATASET, id="one", digest="sha256:" + "0" * 64)
    return make_finding(rule, "title", subject=subject, message="message", dataset="one", action=action)


def test_a_cleared_audit_gives_a_clearance_that_binds_all_it_rests_on(world: World) -> None:
    record = judged_record(world)
    prepared = clear(record, world.tools, issuer=ISSUER, days=14)
    c = prepared.clearance
    assert [leaf.path for leaf in prepared.leaves] == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert c.manifest_root == record.manifest_root == merkle_root(prepared.leaves)
    assert c.audit == digest_of(to_wire(record))
    assert (c.run_digest, c.terms_catalog_digest) == (record.run.digest, record.terms_catalog_digest)
    assert c.policy_digests == tuple(sorted({p.digest for p in record.policy}))
    assert c.index_digests == tuple(sorted({r.digest for r in record.references}))
    assert (c.issued, c.not_before, c.expires) == (NOW, NOW, "2026-12-08T12:00:00Z")
    assert (c.verdict, c.conditions, c.released_by) == (VerdictKind.CLEARED, record.obligations, None)
    assert (c.version, c.gate) == (3, GateLeave())
    assert c.rests_on == Basis(
        audit_id=record.id,
        requested_by=record.run.requested_by,
        run_file_digest=None,
        licenses_catalog_digest=record.licenses_digest,
        scans_digest=digest_of(list(record.scans)),
        findings_digest=digest_of([]),
        waiver_digests=(),
    )


def test_waivers_that_count_and_the_run_file_are_bound(world: World) -> None:
    waived = replace(_finding("L001", Action.DENY), waiver="w1")
    bare = judged_record(world)
    record = replace(
        bare, findings=(waived,), waivers=(WAIVER, replace(WAIVER, id="unused")), run=replace(bare.run, file_digest="sha256:" + "5" * 64)
    )
    basis = clear(record, world.tools, issuer=ISSUER, days=1).clearance.rests_on
    assert basis is not None
    assert (basis.waiver_digests, basis.run_file_digest) == ((digest_of(to_wire(WAIVER)),), "sha256:" + "5" * 64)
    assert basis.findings_digest == digest_of([to_wire(waived)])


def released(world: World, record: AuditRecord) -> Released:
    """Have a reviewer sign and return what holds of it."""
    verifier = Verifier(trust=TRUST, now=NOW)
    fields = ReleaseFields(reviewer="Grace Reviewer", comment="read")
    release_audit(record, fields, signer=rfc_key(1), trusted=REVIEWER, verifier=verifier, tools=world.tools)
    return find(world, record)


def find(world: World, record: AuditRecord) -> Released:
    """Return what holds of the releases that are kept."""
    with world.units.read() as registry:
        return find_released(record, registry.reviews(), Verifier(trust=TRUST, now=NOW))


def test_a_blocked_audit_gives_none_whoever_releases_it(world: World) -> None:
    record = judged_record(world, verdict=VerdictKind.BLOCKED)
    review = judged_record(World({"a.jsonl": b"one\n", "b.jsonl": b"two\n", "c.jsonl": b"three\n"}, now=NOW), verdict=VerdictKind.REVIEW)
    for held in (None, released(world, review)):
        with pytest.raises(VerdictError, match=r"is BLOCKED by L001$"):
            clear(record, world.tools, issuer=ISSUER, days=14, released=held)


def test_a_review_needs_a_reviewers_signed_release_of_this_very_record(world: World) -> None:
    record = judged_record(world, verdict=VerdictKind.REVIEW)
    for none in (None, Released()):
        with pytest.raises(VerdictError, match="needs a review: no reviewer released it"):
            clear(record, world.tools, issuer=ISSUER, days=14, released=none)
    held = released(world, record)
    prepared = clear(record, world.tools, issuer=ISSUER, days=14, released=held).clearance
    assert (prepared.verdict, prepared.released_by, prepared.releases) == (VerdictKind.REVIEW, "Grace Reviewer", held.envelopes)
    again = replace(record, created="2026-11-24T12:00:01Z")
    with world.units.read() as registry:
        stale = find_released(again, registry.reviews(), Verifier(trust=TRUST, now=NOW))
    with pytest.raises(VerdictError, match="needs a review: no reviewer released it"):
        clear(again, world.tools, issuer=ISSUER, days=14, released=stale)
    assert record_digest(again) != record_digest(record)


def test_a_release_stored_under_another_audit_releases_nothing(world: World) -> None:
    """The row says which record it is of, and so does the signed text: both must."""
    record = judged_record(world, verdict=VerdictKind.REVIEW)
    released(world, record)
    other = replace(record, created="2026-11-24T12:00:01Z")
    with world.units.read() as registry:
        moved = [replace(review, record_digest=record_digest(other)) for review in registry.reviews()]
    found = find_released(other, moved, Verifier(trust=TRUST, now=NOW))
    assert found.releases == ()
    assert "is of another audit" in str(found.lacking)


def test_who_released_the_review_does_not_issue_the_clearance(world: World) -> None:
    record = judged_record(world, verdict=VerdictKind.REVIEW)
    both = replace(REVIEWER, roles=("issuer", "reviewer"))
    with pytest.raises(VerdictError, match="released the review and cannot issue"):
        clear(record, world.tools, issuer=both, days=14, released=released(world, record))
    other_key = replace(ISSUER, name="grace.reviewer@example.org")
    with pytest.raises(VerdictError, match="released the review and cannot issue"):
        clear(record, world.tools, issuer=other_key, days=14, released=find(world, record))


def test_a_licence_that_never_ends_shortens_nothing() -> None:
    assert _end_of_day("9999-12-31") > _end_of_day("9999-12-30") > _end_of_day("2026-11-30")
    assert _end_of_day("2026-11-30").isoformat() == "2026-12-01T00:00:00+00:00"


def test_a_key_without_the_issuers_role_may_not_issue(world: World) -> None:
    with pytest.raises(UntrustedKeyError, match="no role 'issuer'"):
        clear(judged_record(world), world.tools, issuer=REVIEWER, days=14)


def test_a_version_registered_since_needs_a_new_audit_unless_the_run_pins_its_own(world: World) -> None:
    record = judged_record(world)
    pins = tuple(RunData(dataset=f"{d.dataset.name}@{d.root_digest}", weight=d.weight) for d in record.datasets)
    pinned = replace(record, id="sha256:" + "8" * 64, run=replace(record.run, data=pins, model=replace(record.run.model, name="pinned")))
    before = clear(pinned, world.tools, issuer=ISSUER, days=1)
    world.disk.files["data/a.jsonl"] = b"other\n"
    world.register(plain_dataset("one"), "a.jsonl")
    assert clear(pinned, world.tools, issuer=ISSUER, days=1).leaves == before.leaves
    with pytest.raises(SubjectMismatchError, match="registered anew"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_a_registry_that_no_longer_holds_what_was_judged_is_refused(world: World) -> None:
    record = judged_record(world)
    with pytest.raises(NotRegisteredError):
        clear(record, World(now=NOW).tools, issuer=ISSUER, days=1)
    for wrong in (
        replace(record, datasets=record.datasets[:1]),
        replace(record, datasets=()),
        replace(record, manifest_root="sha256:" + "5" * 64),
    ):
        with pytest.raises(SubjectMismatchError, match="not the ones that were judged"):
            clear(wrong, world.tools, issuer=ISSUER, days=1)


def test_what_is_written_is_what_was_prepared(world: World, tmp_path: Path) -> None:
    record = judged_record(world, verdict=VerdictKind.REVIEW)
    prepared = clear(record, world.tools, issuer=ISSUER, days=1, released=released(world, record))
    target = tmp_path / "m.clearance.json"
    manifest = write_clearance(prepared, (rfc_key(), rfc_key(1)), target)
    assert manifest == tmp_path / "m.manifest.jsonl"
    leaves, root = parse_manifest(manifest.read_bytes())
    assert (leaves, root) == (prepared.leaves, prepared.clearance.manifest_root)
    envelope = parse_envelope(target.read_bytes())
    assert parse_statement(envelope.payload) == prepared.clearance
    assert {s.key_id for s in envelope.signatures} == {rfc_key().key_id, rfc_key(1).key_id}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.clearance.json", "m.manifest.jsonl"]


def test_a_record_that_the_registry_did_not_make_is_not_cleared(world: World) -> None:
    blocked = judged_record(world, verdict=VerdictKind.BLOCKED)
    clear_word = replace(blocked, verdict=VerdictKind.CLEARED)
    with pytest.raises(VerdictError, match="BLOCKED by L001"):
        clear(clear_word, world.tools, issuer=ISSUER, days=1)
    with pytest.raises(VerdictError, match="not an audit of this registry"):
        clear(replace(blocked, verdict=VerdictKind.CLEARED, findings=()), World(now=NOW).tools, issuer=ISSUER, days=1, stored=False)


def test_an_audit_that_a_later_one_has_overtaken_is_not_cleared(world: World) -> None:
    record = judged_record(world)
    later = replace(record, id="sha256:" + "9" * 64, verdict=VerdictKind.BLOCKED)
    with world.units.begin(actor="a", action="audit") as registry:
        registry.save_audit(record, digest_of(to_wire(record)))
        registry.save_audit(later, digest_of(to_wire(later)))
    with pytest.raises(VerdictError, match=r"a later audit .* says BLOCKED"):
        clear(record, world.tools, issuer=ISSUER, days=1, stored=False)


def test_an_audit_under_other_references_terms_or_policy_is_not_cleared(world: World) -> None:
    record = judged_record(world)
    now = in_force(record)
    clear(record, world.tools, issuer=ISSUER, days=1)
    other = "sha256:" + "8" * 64
    for changed in (replace(now, indexes=()), replace(now, terms=other), replace(now, licenses=other), replace(now, policies=(other,))):
        with pytest.raises(VerdictError, match="changed since the audit"):
            prepare_clearance(record, world.tools, issuer=ISSUER, days=1, in_force=changed)


def test_facts_registered_anew_since_the_audit_are_not_cleared(world: World) -> None:
    record = judged_record(world)
    world.register(replace(plain_dataset("one"), title="another story"), "a.jsonl")
    with pytest.raises(SubjectMismatchError, match="registered anew"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_licences_of_records_that_were_counted_since_the_audit_are_not_cleared(world: World) -> None:
    record = judged_record(world)
    with world.units.begin(actor="a", action="register") as registry:
        version = registry.dataset_version("one")
        parts = (LicensePart(value="CC-BY-NC-4.0", original="by-nc", records=1, words=1),)
        registry.add_version(replace(version, shards=tuple(replace(s, licenses=parts) for s in version.shards)))
    with pytest.raises(SubjectMismatchError, match="one, or where it comes from, is told anew"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_a_waiver_that_was_withdrawn_since_the_audit_clears_nothing(world: World) -> None:
    record = replace(judged_record(world), waivers=(WAIVER,), findings=(replace(_finding("L001", Action.DENY), waiver="w1"),))
    with world.units.begin(actor="a", action="audit") as registry:
        registry.save_audit(record, digest_of(to_wire(record)))
    others: tuple[tuple[Waiver, ...], ...] = ((), (replace(WAIVER, expires="2026-12-24"),))
    for waivers in others:
        with pytest.raises(VerdictError, match="waiver w1, on which the verdict rests, was withdrawn or changed"):
            prepare_clearance(record, world.tools, issuer=ISSUER, days=1, in_force=replace(in_force(record), waivers=waivers))


@pytest.mark.parametrize(("day", "end"), [("2026-11-26", "2026-11-27T00:00:00Z"), ("2027-11-26", "2026-12-08T12:00:00Z")])
def test_a_clearance_ends_with_the_licence_of_its_data(world: World, day: str, end: str) -> None:
    record = judged_record(world)
    with world.units.begin(actor="a", action="register") as registry:
        version = registry.dataset_version("two")
        dataset = replace(version.dataset, license=replace(version.dataset.license, expires=day))
        registry.add_version(replace(version, dataset=dataset))
        summaries = tuple(replace(s, dataset=dataset) if s.dataset.name == "two" else s for s in record.datasets)
        record = replace(record, datasets=summaries)
    with world.units.read() as registry:
        record = replace(record, log_head=registry.log_head)
    assert clear(record, world.tools, issuer=ISSUER, days=14).clearance.expires == end


def test_an_old_audit_is_not_cleared(world: World) -> None:
    record = replace(judged_record(world), created="2026-10-01T12:00:00Z")
    with pytest.raises(VerdictError, match="older than 30 days"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_a_clearance_ends_with_the_first_waiver_it_rests_on(world: World) -> None:
    record = replace(judged_record(world), waivers=(WAIVER,), findings=(replace(_finding("L001", Action.DENY), waiver="w1"),))
    assert clear(record, world.tools, issuer=ISSUER, days=14).clearance.expires == "2026-11-27T00:00:00Z"


def derive(world: World, output: str, source: str) -> None:
    with world.units.begin(actor="a", action="derive") as registry:
        version = registry.dataset_version(output)
        registry.add_derivation(
            Derivation(
                output=output,
                root_digest=version.root_digest,
                inputs=(DerivationInput(dataset=source),),
                transform=Transform.FILTER,
                at=NOW,
                actor="a",
            )
        )


def test_a_derivation_recorded_since_the_audit_needs_a_new_one(world: World) -> None:
    record = judged_record(world)
    world.disk.files["data/d.jsonl"] = b"elsewhere\n"
    world.register(plain_dataset("elsewhere"), "d.jsonl")
    assert clear(record, world.tools, issuer=ISSUER, days=1).clearance.manifest_root == record.manifest_root
    derive(world, "two", "nowhere")
    with pytest.raises(SubjectMismatchError, match="two, or where it comes from, is told anew"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_an_ancestor_registered_since_the_audit_needs_a_new_one(world: World) -> None:
    world.disk.files["data/d.jsonl"] = b"elsewhere\n"
    world.register(plain_dataset("source"), "d.jsonl")
    world.register(plain_dataset("one"), "a.jsonl")
    derive(world, "one", "source")
    record = judged_record(world)
    assert clear(record, world.tools, issuer=ISSUER, days=1).leaves
    world.register(plain_dataset("source", license_text="CC-BY-NC-4.0"), "d.jsonl")
    with pytest.raises(SubjectMismatchError, match="see source"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_bytes_registered_elsewhere_since_the_audit_need_a_new_one(world: World) -> None:
    record = judged_record(world)
    world.register(plain_dataset("copy", license_text="CC-BY-NC-4.0"), "c.jsonl")
    with pytest.raises(SubjectMismatchError, match="see copy"):
        clear(record, world.tools, issuer=ISSUER, days=1)


def test_a_record_of_a_row_that_the_log_does_not_hold_is_not_cleared(world: World) -> None:
    record = replace(judged_record(world), log_head="sha256:" + "6" * 64)
    with pytest.raises(VerdictError, match="does not hold the row"):
        clear(record, world.tools, issuer=ISSUER, days=1)
