"""The ledger: everything that was minted, held against everything that the database has.

A number (boot id and sequence) is accounted for when it is stored, set aside, or still in the
spool of its device. What is left is lost; what is stored twice is doubled. Both must be empty.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import psycopg

from ioc.settings import DatabaseSettings
from store.pool import conninfo
from store.readers import doubled_sequences, row_counts, stored_sequences


class Number(NamedTuple):
    """One minted event."""

    bootid: UUID
    sequence: int


@dataclass(frozen=True)
class Holdings:
    """What the database holds.

    Attributes:
        stored: Numbers that have a row.
        reasons: Numbers that were set aside, with their reason.
        nameless: Dead letters that name no number, by reason.
        doubled: Numbers with more than one row.
        rows: Rows by table.
    """

    stored: frozenset[Number]
    reasons: dict[Number, str]
    nameless: Counter[str]
    doubled: int
    rows: dict[str, int]

    @property
    def accounted(self) -> frozenset[Number]:
        """Stored or set aside."""
        return self.stored | self.reasons.keys()


@dataclass(frozen=True)
class Ledger:
    """The account at the end of a run.

    Attributes:
        good: Valid events minted.
        bad: Bad messages sent on purpose.
        stored: Valid events that have their row.
        set_aside: Bad messages set aside, by reason.
        misjudged: Valid events set aside, and bad ones stored.
        lost: Numbers that nobody has.
        doubled: Numbers stored more than once.
    """

    good: int
    bad: int
    stored: int
    set_aside: Counter[str]
    misjudged: frozenset[Number]
    lost: frozenset[Number]
    doubled: int
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Nothing lost, nothing twice, nothing judged wrongly."""
        return not self.lost and not self.doubled and not self.misjudged


def reconcile(good: Iterable[Number], bad: Iterable[Number], holdings: Holdings) -> Ledger:
    """Hold what was minted against what is there.

    Args:
        good: Numbers of valid events.
        bad: Numbers of messages that must be set aside.
        holdings: What the database has.
    """
    good, bad = frozenset(good), frozenset(bad)
    lost = (good | bad) - holdings.accounted
    misjudged = (good & holdings.reasons.keys()) | (bad & holdings.stored)
    return Ledger(
        good=len(good),
        bad=len(bad),
        stored=len(good & holdings.stored),
        set_aside=Counter(holdings.reasons[number] for number in bad & holdings.reasons.keys()),
        misjudged=frozenset(misjudged),
        lost=frozenset(lost),
        doubled=holdings.doubled,
        rows=holdings.rows,
    )


async def read_holdings(settings: DatabaseSettings) -> Holdings:
    """Read the database's side of the account."""
    async with await psycopg.AsyncConnection.connect(
        conninfo(settings, "ioc-ledger"), autocommit=True
    ) as connection:
        stored = await stored_sequences(connection, dead=False)
        cursor = await connection.execute("SELECT bootid, sequence, reason FROM dead_letter")
        reasons: dict[Number, str] = {}
        nameless: Counter[str] = Counter()
        for bootid, sequence, reason in await cursor.fetchall():
            if bootid is None or sequence is None:
                nameless[reason] += 1
            else:
                reasons[Number(bootid, sequence)] = reason
        return Holdings(
            frozenset(Number(bootid, sequence) for _, bootid, sequence in stored),
            reasons,
            nameless,
            len(await doubled_sequences(connection)),
            await row_counts(connection),
        )


def settle(
    settings: DatabaseSettings,
    good: Iterable[Number],
    bad: Iterable[Number] = (),
    *,
    timeout_s: float = 30,
) -> Ledger:
    """Wait until nothing is missing any more, or the time is up, and give the account.

    Args:
        settings: The database.
        good: Numbers of valid events.
        bad: Numbers of bad messages.
        timeout_s: Longest wait, seconds.
    """
    good, bad = frozenset(good), frozenset(bad)
    deadline = time.monotonic() + timeout_s
    while True:
        ledger = reconcile(good, bad, asyncio.run(read_holdings(settings)))
        if not ledger.lost or time.monotonic() > deadline:
            return ledger
        time.sleep(0.5)
