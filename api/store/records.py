"""Rows that are written beside an effect: answers given, the audit trail, news to deliver."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from api.store.protocol import (
    AuditEntry,
    AuditNote,
    Delivery,
    DeliveryStatus,
    Remembered,
    Slice,
)
from api.store.tables import answers, audit, deliveries, read, read_optional, text_of, told

REMEMBER = timedelta(days=1)
"""How long answers are kept for a repeated request."""


class RecordRows:
    """Answers, audit and deliveries within one transaction; see ``Transaction``."""

    _connection: Connection

    def recall(self, key: str, now: datetime) -> Remembered | None:
        """Return the answer that was given under an idempotency key and is not too old."""
        query = sa.select(answers).where(
            answers.c.key == key, answers.c.created_at > told(now - REMEMBER)
        )
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return Remembered(
            row["fingerprint"], row["status"], json.loads(row["headers"]), row["body"]
        )

    def remember(self, key: str, answer: Remembered, now: datetime) -> None:
        """Keep the answer that is being given under an idempotency key; drop those too old."""
        self._connection.execute(
            answers.delete().where(
                sa.or_(answers.c.key == key, answers.c.created_at <= told(now - REMEMBER))
            )
        )
        self._connection.execute(
            answers.insert().values(
                key=key,
                fingerprint=answer.fingerprint,
                status=answer.status,
                headers=text_of(answer.headers),
                body=answer.body,
                created_at=told(now),
            )
        )

    def note(self, what: AuditNote, now: datetime) -> AuditEntry:
        """Put an entry at the end of the audit trail; it carries the hash of the one before."""
        last = sa.select(audit.c.number, audit.c.sha256).order_by(audit.c.number.desc()).limit(1)
        found = self._connection.execute(last).first()
        number, previous = (found[0] + 1, found[1]) if found else (1, "0" * 64)
        entry = AuditEntry.of(what, number, read(told(now)), previous)
        self._connection.execute(
            audit.insert().values(
                number=number,
                at=told(entry.at),
                who=what.who,
                action=what.action,
                subject=what.subject,
                request_id=what.request_id,
                detail=what.detail,
                previous=previous,
                sha256=entry.sha256,
            )
        )
        return entry

    def trail(self, after: int, limit: int) -> list[AuditEntry]:
        """Return entries of the audit trail with numbers above ``after``, oldest first."""
        query = sa.select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
        return [_entry(row) for row in self._connection.execute(query).mappings()]

    def add_delivery(self, delivery: Delivery) -> None:
        """Keep news that is to be delivered."""
        self._connection.execute(deliveries.insert().values(_delivery_row(delivery)))

    def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        """Return what is to be delivered now, the longest due first."""
        query = (
            sa.select(deliveries)
            .where(deliveries.c.status == DeliveryStatus.WAITING, deliveries.c.due_at <= told(now))
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(limit)
        )
        return [_delivery(row) for row in self._connection.execute(query).mappings()]

    def deliveries(self, webhook_id: str, part: Slice) -> list[Delivery]:
        """Return the deliveries of a webhook, newest first."""
        query = sa.select(deliveries).where(deliveries.c.webhook_id == webhook_id)
        if part.after is not None:
            query = query.where(deliveries.c.id < part.after)
        rows = self._connection.execute(query.order_by(deliveries.c.id.desc()).limit(part.limit))
        return [_delivery(row) for row in rows.mappings()]

    def update_delivery(self, delivery: Delivery) -> None:
        """Put a changed delivery in place."""
        self._connection.execute(
            deliveries.update()
            .where(deliveries.c.id == delivery.id)
            .values(_delivery_row(delivery))
        )

    def forget_deliveries(self, before: datetime) -> None:
        """Forget ended deliveries and answers from before a moment."""
        ended = sa.and_(
            deliveries.c.status != DeliveryStatus.WAITING, deliveries.c.created_at < told(before)
        )
        self._connection.execute(deliveries.delete().where(ended))


def _entry(row: RowMapping) -> AuditEntry:
    note = AuditNote(row["who"], row["action"], row["subject"], row["request_id"], row["detail"])
    return AuditEntry(note, row["number"], read(row["at"]), row["previous"], row["sha256"])


def _delivery_row(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "event": delivery.event,
        "body": delivery.body,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "due_at": told(delivery.due_at),
        "created_at": told(delivery.created_at),
        "ended_at": told(delivery.ended_at) if delivery.ended_at else None,
        "answer": delivery.answer,
    }


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        webhook_id=row["webhook_id"],
        event=row["event"],
        body=row["body"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        due_at=read(row["due_at"]),
        created_at=read(row["created_at"]),
        ended_at=read_optional(row["ended_at"]),
        answer=row["answer"],
    )
