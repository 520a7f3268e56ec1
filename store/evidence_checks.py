"""What the check of the stored evidence asks: files in turn, and what the audit says of them."""

from __future__ import annotations

from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

from store.evidence_files import EvidenceRow

Connection = AsyncConnection[Any]

DAMAGED: Final = "evidence.damaged"
RESTORED: Final = "evidence.restored"

_FILE: Final = ", ".join(EvidenceRow.__dataclass_fields__)


async def next_files(connection: Connection, after: str, limit: int) -> list[EvidenceRow]:
    """Files that should be there, in the order of their digests.

    Args:
        connection: Any.
        after: Digest of the last one that was read; empty for the first.
        limit: At most so many.
    """
    async with connection.cursor(row_factory=class_row(EvidenceRow)) as cursor:
        await cursor.execute(
            f"SELECT {_FILE} FROM evidence WHERE sha256 > %s AND deleted IS NULL "
            "ORDER BY sha256 LIMIT %s",
            (after, limit),
        )
        return await cursor.fetchall()


async def count_after(connection: Connection, after: str) -> int:
    """How many files come after a digest."""
    cursor = await connection.execute(
        "SELECT count(*) FROM evidence WHERE sha256 > %s AND deleted IS NULL", (after,)
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def is_kept(connection: Connection, sha256: str) -> bool:
    """Whether a file should be there, once nobody is deleting it any more.

    Retention deletes a file's bytes before it commits; whoever asks so waits for the commit.

    Args:
        connection: In a transaction, which holds the row.
        sha256: The file.
    """
    cursor = await connection.execute(
        "SELECT deleted IS NULL FROM evidence WHERE sha256 = %s FOR SHARE", (sha256,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def is_told_damaged(connection: Connection, sha256: str) -> bool:
    """Whether the audit's last word on a file is that it is damaged."""
    cursor = await connection.execute(
        "SELECT action FROM audit WHERE subject = %s AND action IN (%s, %s) "
        "ORDER BY seq DESC LIMIT 1",
        (f"evidence:{sha256}", DAMAGED, RESTORED),
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == DAMAGED
