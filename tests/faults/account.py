"""The account at the end of a fault test: ledger, windows, sequences, spools."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from measure.ledger import Ledger, Number, settle
from tests.faults.load import Load
from tests.faults.system import System, eventually

DRAIN_S = 90.0


@dataclass(frozen=True)
class Line:
    """One line of the table that the tests end with."""

    test: str
    flavour: str
    minted: int
    stored: int
    duplicates: int
    set_aside: int
    lost: int
    doubled: int
    waiting: int
    seconds: float
    note: str


TABLE: list[Line] = []


class Account:
    """Opened before the faults, closed after them; closing asserts that nothing is missing.

    Args:
        system: Whose database is held against the load.
        test: Name for the table.
    """

    def __init__(self, system: System, test: str) -> None:
        self._system = system
        self._test = test
        system.look()
        self._before = dict(system.seen)
        self._began = time.monotonic()

    def close(
        self,
        load: Load | None,
        *,
        good: Iterable[Number] = (),
        others: Iterable[Number] = (),
        bad: Iterable[Number] = (),
        note: str = "",
        timeout_s: float = DRAIN_S,
    ) -> Ledger:
        """Silence the load, wait for every receipt, and check everything.

        Args:
            load: Devices with spools.
            good: Valid events without a spool, from 0 without a gap.
            others: Valid events whose sequence has gaps, because bad ones lie between.
            bad: Messages that must be set aside.
            note: For the table.
            timeout_s: Longest wait for the last receipt, and again for the last row, seconds.
        """
        gapless, others, bad = set(good), set(others), set(bad)
        waiting = 0
        if load is not None:
            load.silence()
            waiting = load.drain(timeout_s)
            gapless |= load.numbers
        numbers = gapless | others
        # Where receipts have come the rows are there, so this reads the database once.
        ledger = settle(self._system.settings.database, numbers, bad, timeout_s=timeout_s)
        self._system.look()
        duplicates = self._system.seen["duplicates"] - self._before.get("duplicates", 0)
        TABLE.append(
            Line(
                self._test,
                self._system.flavour,
                len(numbers) + len(bad),
                ledger.stored,
                duplicates,
                sum(ledger.set_aside.values()),
                len(ledger.lost),
                ledger.doubled,
                waiting,
                time.monotonic() - self._began,
                note,
            )
        )
        assert ledger.lost == frozenset(), f"{len(ledger.lost)} of {len(numbers)} lost"
        assert ledger.doubled == 0
        if ledger.misjudged:
            boots = list({number.bootid for number in ledger.misjudged})
            reasons = self._system.rows(
                "SELECT stage, reason, field, detail, count(*) FROM dead_letter "
                "WHERE bootid = ANY(%s) GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 10",
                (boots,),
            )
            raise AssertionError(f"{len(ledger.misjudged)} judged wrongly: {reasons}")
        assert ledger.stored == len(numbers)
        assert waiting == 0, "spools are not empty: receipts are missing"
        check_windows(self._system, {number.bootid for number in numbers})
        check_sequences(self._system, gapless)
        return ledger


_WINDOWS = """
WITH truth AS (
    SELECT city, site, device, lane,
           date_trunc('minute', time - make_interval(secs => period_s / 2), 'UTC') AS minute,
           count(*) AS periods, sum(motorcycle) AS motorcycle, sum(car) AS car, sum(bus) AS bus,
           sum(total) AS total, sum(speed_kmh * total) AS speed_sum,
           max(queue_m) AS queue_m, array_agg(id ORDER BY id) AS seen
    FROM flow WHERE bootid = ANY(%(boots)s) GROUP BY 1, 2, 3, 4, 5
), live AS (
    SELECT *, (SELECT array_agg(id ORDER BY id) FROM unnest(seen) AS id) AS ids
    FROM flow_minute
    WHERE (city, site, device) IN (SELECT DISTINCT city, site, device FROM truth)
)
SELECT coalesce(t.device, l.device), coalesce(t.lane, l.lane), coalesce(t.minute, l.minute),
       t.periods, l.periods, t.total, l.total
FROM truth AS t FULL JOIN live AS l USING (city, site, device, lane, minute)
WHERE (t.periods, t.motorcycle, t.car, t.bus, t.total, t.queue_m, t.seen)
      IS DISTINCT FROM (l.periods, l.motorcycle, l.car, l.bus, l.total, l.queue_m, l.ids)
   OR abs(t.speed_sum - l.speed_sum) > 1e-6 * greatest(t.speed_sum, 1)
"""


def check_windows(system: System, boots: Iterable[UUID]) -> None:
    """The live one-minute windows are the sums of the rows."""
    wrong = system.rows(_WINDOWS, {"boots": list(boots)})
    assert wrong == [], f"{len(wrong)} windows differ from their rows: {wrong[:5]}"


def check_sequences(system: System, numbers: Iterable[Number]) -> None:
    """``device_boot.received`` has every number of each boot and no gap."""
    counts: dict[UUID, int] = {}
    for number in numbers:
        counts[number.bootid] = counts.get(number.bootid, 0) + 1

    def received() -> bool:
        rows = system.rows(
            "SELECT bootid, received::text, gap_since IS NULL FROM device_boot "
            "WHERE bootid = ANY(%s)",
            (list(counts),),
        )
        return {row[0]: row[1:] for row in rows} == {
            bootid: (f"{{[0,{count})}}", True) for bootid, count in counts.items()
        }

    eventually(received, f"every sequence of {len(counts)} boots without a gap", 5)
