"""A small world to clear: keys from published seeds, data folders, clearances and trust files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provenance.canonical import digest_bytes
from provenance.clearance.keys import SigningKey, key_from_seed
from provenance.clearance.release import Covered, ReviewRelease, findings_digest, sign_release
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Basis, BreakGlass, Clearance, Issuer
from provenance.clearance.trust import RevocationSource, Trust, trust_bytes
from provenance.fingerprint.digest import ShardLeaf, hash_file, manifest_bytes, merkle_root
from provenance.model.finding import VerdictKind

NOW = "2026-11-24T12:00:00Z"
RUN_DIGEST = "sha256:" + "11" * 32
POLICY_DIGEST = "sha256:" + "22" * 32
# The secret keys of RFC 8032 section 7.1, tests 1 to 3: public, so good for tests alone.
SEEDS = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
)


def rfc_key(number: int = 0) -> SigningKey:
    return key_from_seed(bytes.fromhex(SEEDS[number]))


def sample_clearance(root: str = "sha256:" + "ab" * 32, **changes: Any) -> Clearance:
    clearance = Clearance(
        manifest_root=root,
        audit="sha256:" + "33" * 32,
        run_digest=RUN_DIGEST,
        policy_digests=(POLICY_DIGEST,),
        terms_catalog_digest="sha256:" + "44" * 32,
        index_digests=("sha256:" + "55" * 32,),
        verdict=VerdictKind.CLEARED,
        conditions=("keep the notice of the CC BY sources",),
        issued="2026-11-24T08:00:00Z",
        not_before="2026-11-24T08:00:00Z",
        expires="2026-12-24T08:00:00Z",
        issuer=Issuer(name="Ada Clearer", role="issuer"),
    )
    return replace(clearance, **changes)


RUN_FILE = b"format: provenance.run\nversion: 1\n"
POLICY_FILE = b"format: provenance.policy\nversion: 1\n"


def sample_basis(**changes: Any) -> Basis:
    """Return what the audit that ``sample_clearance`` stands on rests on."""
    basis = Basis(
        audit_id="sha256:" + "77" * 32,
        requested_by="Lena Trainer <lena@example.org>",
        run_file_digest=digest_bytes(RUN_FILE),
        licenses_catalog_digest="sha256:" + "66" * 32,
        scans_digest="sha256:" + "99" * 32,
        findings_digest="sha256:" + "aa" * 32,
        waiver_digests=("sha256:" + "bb" * 32,),
    )
    return replace(basis, **changes)


def bound_clearance(root: str = "sha256:" + "ab" * 32, **changes: Any) -> Clearance:
    """Return a clearance of version 3: of ``RUN_FILE``, under ``POLICY_FILE``."""
    given: dict[str, Any] = {"rests_on": sample_basis(), "policy_digests": tuple(sorted({POLICY_DIGEST, digest_bytes(POLICY_FILE)}))}
    return sample_clearance(root, **(given | changes))


def broken_clearance(root: str = "sha256:" + "ab" * 32, **changes: Any) -> Clearance:
    """Return a break-glass clearance of a BLOCKED audit, approved by the second key's person, for 24 hours."""
    said = BreakGlass(approver="Grace Reviewer", reason="the customer's demonstration is today", rules=("C001", "D002"), findings=3)
    given: dict[str, Any] = {"verdict": VerdictKind.BLOCKED, "break_glass": said, "expires": "2026-11-25T08:00:00Z"}
    return bound_clearance(root, **(given | changes))


def sample_release(**changes: Any) -> ReviewRelease:
    """Return a release of the audit that ``sample_clearance`` rests on."""
    release = ReviewRelease(
        record="sha256:" + "33" * 32,
        audit="sha256:" + "77" * 32,
        run_digest=RUN_DIGEST,
        reviewer="Grace Reviewer",
        comment="read",
        covers=Covered.ALL,
        findings=(),
        of=findings_digest(["sha256:" + "88" * 32, "sha256:" + "99" * 32]),
        released="2026-11-24T07:00:00Z",
    )
    return replace(release, **changes)


def released_clearance(*releases: ReviewRelease, signer: int = 1, **changes: Any) -> Clearance:
    """Return a clearance of a REVIEW verdict that rests on releases, by default on one of all findings."""
    texts = tuple(sign_release(r, rfc_key(signer)).decode() for r in releases or (sample_release(),))
    return sample_clearance(**{"verdict": VerdictKind.REVIEW, "released_by": "Grace Reviewer", "releases": texts, **changes})


def sample_trust(
    *roles: tuple[str, ...],
    thresholds: tuple[tuple[str, int], ...] = (("issuer", 1),),
    revocation: RevocationSource | None = None,
    window: tuple[str, str] = ("2026-01-01T00:00:00Z", "2027-12-31T00:00:00Z"),
) -> Trust:
    """Trust the first keys, one for each tuple of roles given; the first alone, as issuer, where none is given."""
    names = ("Ada Clearer", "Grace Reviewer", "Joan Counsel")
    keys = tuple(rfc_key(i).trusted(name=names[i], roles=r, not_before=window[0], not_after=window[1]) for i, r in enumerate(roles or (("issuer",),)))
    return Trust(keys=keys, thresholds=thresholds, revocation=revocation)


@dataclass(frozen=True, slots=True)
class ClearedWorld:
    """Files on disk: a data root, and the clearance, manifest and trust for it."""

    folder: Path
    data: Path
    clearance: Path
    manifest: Path
    trust: Path

    def reissue(self, **changes: Any) -> None:
        """Clear the data as they are now."""
        leaves = leaves_of(self.data)
        self.manifest.write_bytes(manifest_bytes(leaves))
        self.clearance.write_bytes(issue_clearance(sample_clearance(merkle_root(leaves), **changes), rfc_key()))


def leaves_of(root: Path) -> list[ShardLeaf]:
    leaves = []
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder) / name
            digest, size = hash_file(file)
            leaves.append(ShardLeaf(path=file.relative_to(root).as_posix(), sha256=digest, size_bytes=size))
    return leaves


def cleared_world(folder: Path, **changes: Any) -> ClearedWorld:
    """Make three shards in two folders and clear them."""
    data = folder / "data"
    (data / "chat").mkdir(parents=True)
    (data / "human.txt").write_text("It was a bright cold day in April.\n", encoding="utf-8")
    (data / "chat" / "a.jsonl").write_text('{"text": "how do I reset my password?"}\n', encoding="utf-8")
    (data / "chat" / "b.jsonl").write_text('{"text": "press and hold the button"}\n' * 100, encoding="utf-8")
    world = ClearedWorld(folder, data, folder / "run.clearance.json", folder / "run.manifest.jsonl", folder / "trust.json")
    world.trust.write_bytes(trust_bytes(sample_trust()))
    world.reissue(**changes)
    return world
