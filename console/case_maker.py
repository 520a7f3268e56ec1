"""Makes cases of the violations that arrive: background work of the console."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from console import judging
from console.context import Context
from console.grouping import Flagged, Group, group
from ioc.ids import uuid7
from store import audit, cases
from store import grouping as table

BATCH: Final = 500
OVERLAP: Final = timedelta(minutes=15)
"""``received`` is the begin of the sink's transaction: rows appear a little later than they say."""

FULL_EVERY: Final = timedelta(minutes=10)
"""Now and then all violations are looked at, whenever they came."""

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CaseMaker:
    """Remembers how far it has looked, so that its turn each second costs little."""

    def __init__(self) -> None:
        self._since = _EVER
        self._full = _EVER

    async def work(self, context: Context) -> int:
        """Group all that is there; returns how many violations found their case."""
        began = context.clock()
        full = began - self._full >= FULL_EVERY
        since = _EVER if full else self._since
        done = 0
        while count := await self._batch(context, since):
            done += count
        self._since = began - OVERLAP
        if full:
            self._full = began
        async with context.pool.connection() as connection, connection.transaction():
            for number in await cases.reopen_completed(connection):
                await audit.append(
                    *(connection, "system:cases", "case.reopened", f"case:{number}"),
                    why="evidence has arrived",
                )
        return done

    async def _batch(self, context: Context, since: datetime) -> int:
        now = context.clock()
        within = timedelta(seconds=context.settings.group_within_s)
        async with context.pool.connection() as connection, connection.transaction():
            rows = await table.ungrouped(connection, since, BATCH)
            if not rows:
                return 0
            flagged = [Flagged(*row) for row in rows]
            first, last = min(one.act for one in flagged), max(one.act for one in flagged)
            known = await table.untouched(connection, first - within, last + within, now)
            groups = group(flagged, [_known(row) for row in known], within)
            made = 0
            for one in groups:
                if one.case is None:
                    made += 1
                    case = uuid7(now)
                    await table.add_case(
                        connection,
                        id=case,
                        city=one.city,
                        site=one.site,
                        device=one.device,
                        bootid=one.bootid,
                        track=one.track,
                        vehicle=one.vehicle,
                        rules=one.rules,
                        first=one.first,
                        last=one.last,
                        plate=one.plate,
                        colour=one.colour,
                        deadline=one.first + timedelta(days=context.settings.deadline_days),
                    )
                else:
                    case = one.case
                    await table.widen_case(
                        connection,
                        case,
                        rules=one.rules,
                        first=one.first,
                        last=one.last,
                        plate=one.plate,
                        colour=one.colour,
                    )
                await table.enter(connection, case, [member.id for member in one.members])
            await judging.judge_new(connection, [one.id for one in flagged])
            await audit.append(
                *(connection, "system:cases", "cases.made", "cases"),
                cases=made,
                violations=len(flagged),
            )
        return len(flagged)


def _known(row: tuple[Any, ...]) -> Group:
    """A case of the database; its plate stays, for how sure it was is not kept."""
    case, city, site, device, bootid, track, vehicle, first, last, plate, colour, rules = row
    sure = 0.0 if plate is None else 1.0
    return Group(
        *(case, city, site, device, bootid, track, vehicle, first, last, plate, colour, sure),
        list(rules),
    )
