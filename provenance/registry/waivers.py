"""The registry's waivers and reviews: recorded, withdrawn, decided. Nothing is ever removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from provenance.errors import ConflictError, NotRegisteredError, RegistryError
from provenance.model.exclusion import Withdrawal
from provenance.model.finding import Subject, SubjectKind, Waiver
from provenance.model.waiving import ApprovalSignature, RecordedWaiver, Review, ReviewDecision
from provenance.model.wire import to_wire
from provenance.registry.row_digest import row_digest
from provenance.registry.tables import ReviewRow, WaiverRow, WaiverWithdrawalRow
from provenance.registry.unit import RegistryUnit

_PAGE = 1_000  # rows read at a time
_PLAIN = ("id", "rule", "reason", "comment", "requested_by", "approved_by", "created", "expires")
"""Fields of a waiver that are columns of the same name."""


class WaiverRegistry(RegistryUnit):
    """Keeps waivers and reviews."""

    def add_waiver(self, recorded: RecordedWaiver) -> bool:
        """Record a waiver; do nothing if an open one is the same, whoever recorded it and when. Tell whether it is new.

        Raises:
            ConflictError: If an open one of its id says something else.
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = waiver_digest(recorded)
        newest = self._newest_waiver(recorded.waiver.id)
        if newest is not None and newest.withdrawal is None:
            if _recorded(newest).waiver == recorded.waiver:
                return False
            raise ConflictError(f"another waiver {recorded.waiver.id} is recorded already", hint="give this one another id: --id")
        self._session.add(WaiverRow(**_columns(recorded)))
        self._session.flush()
        waiver = recorded.waiver
        self._changed("waivers", id=waiver.id, rule=waiver.rule, subject=waiver.subject.id, expires=waiver.expires, digest=digest)
        return True

    def withdraw_waiver(self, waiver_id: str, withdrawal: Withdrawal) -> None:
        """Record that a waiver no longer holds.

        Raises:
            NotRegisteredError: If there is none.
            ConflictError: If it is withdrawn already.
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = waiver_withdrawal_digest(waiver_id, withdrawal)
        row = self._newest_waiver(waiver_id)
        if row is None:
            raise NotRegisteredError(f"no waiver {waiver_id} is recorded", hint="see: provenance waivers list")
        if row.withdrawal is not None:
            raise ConflictError(f"waiver {waiver_id} was withdrawn already, at {row.withdrawal.at}", hint="see: provenance waivers show")
        self._session.add(WaiverWithdrawalRow(waiver_number=row.number, **to_wire(withdrawal)))
        self._session.flush()
        self._session.expire(row)
        self._changed("waiver_withdrawals", id=waiver_id, digest=digest)

    def waivers(self, *, open_only: bool = False) -> Sequence[RecordedWaiver]:
        """Return all waivers in the order they were recorded, or those that were not withdrawn."""
        return [w for w in self._all_waivers() if w.is_open or not open_only]

    def add_review(self, review: Review) -> None:
        """Record what a reviewer decided of an audit record.

        Raises:
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = review_digest(review)
        self._session.add(ReviewRow(**to_wire(review)))
        self._session.flush()
        self._changed("reviews", record=review.record_digest, decision=review.decision.value, reviewer=review.reviewer, digest=digest)

    def reviews(self, record_digest: str | None = None) -> Sequence[Review]:
        """Return all decisions in the order they were made, or those on one audit record."""
        query = select(ReviewRow).order_by(ReviewRow.number)
        return [_review(r) for r in self._session.scalars(query if record_digest is None else query.where(ReviewRow.record_digest == record_digest))]

    def recorded_waiver_withdrawals(self) -> Iterator[tuple[str, Withdrawal]]:
        """Yield (id of the waiver, withdrawal), in the order of waivers."""
        query = select(WaiverRow.id, WaiverWithdrawalRow).join(WaiverWithdrawalRow, WaiverWithdrawalRow.waiver_number == WaiverRow.number)
        rows = self._session.execute(query.order_by(WaiverRow.number)).all()
        yield from ((waiver_id, Withdrawal(reason=row.reason, at=row.at, actor=row.actor)) for waiver_id, row in rows)

    def _all_waivers(self) -> Iterator[RecordedWaiver]:
        after = 0
        query = select(WaiverRow).order_by(WaiverRow.number).limit(_PAGE).options(selectinload(WaiverRow.withdrawal))
        while rows := self._session.scalars(query.where(WaiverRow.number > after)).all():
            yield from map(_recorded, rows)
            after = rows[-1].number

    def _newest_waiver(self, waiver_id: str) -> WaiverRow | None:
        query = select(WaiverRow).where(WaiverRow.id == waiver_id).order_by(WaiverRow.number.desc()).limit(1)
        return self._session.scalars(query.options(selectinload(WaiverRow.withdrawal))).first()


def waiver_digest(recorded: RecordedWaiver) -> str:
    """Return the digest of a recorded waiver, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    return row_digest(_columns(recorded), f"waiver {recorded.waiver.id[:80]!r}")


def waiver_withdrawal_digest(waiver_id: str, withdrawal: Withdrawal) -> str:
    """Return the digest of a withdrawal, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    return row_digest({"id": waiver_id, **to_wire(withdrawal)}, f"withdrawal of waiver {waiver_id[:80]!r}")


def review_digest(review: Review) -> str:
    """Return the digest of a decision, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    return row_digest(to_wire(review), f"review of audit {review.record_digest[:80]!r}")


def _columns(recorded: RecordedWaiver) -> dict[str, str]:
    waiver, signature = recorded.waiver, recorded.signature
    return {
        **{name: getattr(waiver, name) for name in _PLAIN},
        "subject_kind": waiver.subject.kind.value,
        "subject_id": waiver.subject.id,
        "subject_digest": waiver.subject.digest,
        "keyid": "" if signature is None else signature.keyid,
        "sig": "" if signature is None else signature.sig,
        "dataset": recorded.dataset,
        "at": recorded.at,
        "actor": recorded.actor,
    }


def _recorded(row: WaiverRow) -> RecordedWaiver:
    try:
        subject = Subject(kind=SubjectKind(row.subject_kind), id=row.subject_id, digest=row.subject_digest)
    except ValueError as err:
        raise _unreadable(f"waiver {row.id}", err) from err
    plain: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    gone = row.withdrawal
    return RecordedWaiver(
        waiver=Waiver(subject=subject, **plain),
        signature=ApprovalSignature(keyid=row.keyid, sig=row.sig) if row.keyid or row.sig else None,
        dataset=row.dataset,
        at=row.at,
        actor=row.actor,
        withdrawal=None if gone is None else Withdrawal(reason=gone.reason, at=gone.at, actor=gone.actor),
    )


def _review(row: ReviewRow) -> Review:
    try:
        decision = ReviewDecision(row.decision)
    except ValueError as err:
        raise _unreadable(f"review {row.number}", err) from err
    return Review(
        record_digest=row.record_digest,
        decision=decision,
        reviewer=row.reviewer,
        comment=row.comment,
        envelope=row.envelope,
        at=row.at,
        actor=row.actor,
    )


def _unreadable(what: str, err: ValueError) -> RegistryError:
    return RegistryError(f"{what}: the registry holds a fact that cannot be read: {err}", hint="run: provenance log verify")
