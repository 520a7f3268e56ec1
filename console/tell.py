"""Telling other systems of decided cases: enters what is due, and delivers it.

Deliveries are made of what stands in the database, not at the moment of the decision: a case that
is decided while everything around it fails is told all the same, once things work again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import httpx

from console.context import Context
from console.webhooks import MOST_ATTEMPTS, body_of, event_of, headers_of, pause_after
from ioc.console_settings import WebhookSettings
from ioc.ids import uuid7
from ioc.telemetry import logger
from ioc.webhook_signing import secret_of
from store import audit, webhooks
from store.pool import Pool
from store.webhooks import Delivery

LOOK_BACK: Final = timedelta(days=1)
ALL_EVERY_S: Final = 3600
"""A decision is dated at its begin and seen at its commit, so that none may be passed over by
remembering the newest: each turn looks at the last day, the first and one each hour at all."""

BEFORE: Final = timedelta(minutes=5)
"""Decisions are dated by our clock, the begin of a target by the database's."""

TIMEOUT_S: Final = 10.0
TURN_S: Final = 20.0
"""After this a target that always has more to deliver leaves the rest to the next turn."""

LEASE: Final = timedelta(seconds=60)
BATCH: Final = 500
ACTOR: Final = "system:webhooks"

_log = logger("console.webhooks")
_chance = random.SystemRandom()

# httpx tells each address in its log, and an address may hold a receiver's token.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Teller:
    """Enters what was decided and delivers what is due, turn by turn."""

    def __init__(self) -> None:
        self._pool: Pool | None = None
        self._look_at_all = 0.0

    async def work(self, context: Context) -> None:
        """Do one turn.

        Targets are served side by side: one that does not answer costs the others ``TIMEOUT_S``.
        """
        targets = context.settings.webhooks
        at_all = self._pool is not context.pool or monotonic() >= self._look_at_all
        for target in targets:
            await enter(context, target, None if at_all else context.clock() - LOOK_BACK)
        if at_all:
            self._pool, self._look_at_all = context.pool, monotonic() + ALL_EVERY_S
        ends = await asyncio.gather(
            *(_serve(context, target) for target in targets), return_exceptions=True
        )
        for target, end in zip(targets, ends, strict=True):
            if end is not None:
                _log.error("failed", target=target.name, exc_info=end)


async def enter(context: Context, target: WebhookSettings, since: datetime | None) -> int:
    """Enter deliveries of cases that a target was not told of.

    Args:
        context: The console's.
        target: Who.
        since: Only of those decided since; None: since the target is there.

    Returns:
        How many.
    """
    entered = 0
    while True:
        async with context.pool.connection() as connection, connection.transaction():
            begin = await webhooks.added_at(connection, target.name)
            if begin is None:
                await audit.append(connection, ACTOR, "webhook.added", f"webhook:{target.name}")
                return 0
            found = await webhooks.untold(
                *(connection, target.name, target.states),
                begin - BEFORE if since is None else max(begin - BEFORE, since),
                BATCH,
            )
            now = context.clock()
            url = context.settings.public_url
            rows = [(uuid7(now), event_of(c.state), c.id, body_of(c, url)) for c in found]
            await webhooks.add(connection, target.name, rows, now)
        entered += len(found)
        if len(found) < BATCH:
            return entered


async def _serve(context: Context, target: WebhookSettings) -> None:
    """Deliver what is due to one target, until something fails."""
    try:
        secret = secret_of(target.secret_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        _log.warning("put off", target=target.name, file=str(target.secret_file), error=why)
        return
    until = monotonic() + TURN_S
    async with httpx.AsyncClient(follow_redirects=False, timeout=TIMEOUT_S) as client:
        while monotonic() < until:
            now = context.clock()
            async with context.pool.connection() as connection:
                due = await webhooks.claim(connection, target.name, now, now + LEASE)
            if due is None:
                return
            error = await _post(client, target.url, secret, due, now)
            await _settle(context, target, due, error)
            if error is not None:  # what is down need not be asked for each delivery
                return


async def _post(
    client: httpx.AsyncClient, url: str, secret: bytes, due: Delivery, now: datetime
) -> str | None:
    """Make one attempt; returns why it failed. What the receiver answers is not read."""
    headers = headers_of(secret, due.id, now, due.body)
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            client.stream("POST", url, content=due.body.encode(), headers=headers) as response,
        ):
            return None if response.is_success else f"HTTP {response.status_code}"
    except TimeoutError:
        return "no answer in time"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__


async def _settle(
    context: Context, target: WebhookSettings, due: Delivery, error: str | None
) -> None:
    now = context.clock()
    pause = None if error is None else pause_after(due.attempts + 1, _chance.random())
    async with context.pool.connection() as connection, connection.transaction():
        ours = await webhooks.settle(
            connection,
            due,
            now=now,
            error=error,
            next_try=None if pause is None else now + pause,
        )
        if not ours:
            return
        if error is None:
            await audit.append(
                *(connection, ACTOR, "case.announced", f"case:{due.number}"),
                target=target.name,
                event=due.event,
            )
        elif pause is None:
            await audit.append(
                *(connection, ACTOR, "webhook.abandoned", f"case:{due.number}"),
                target=target.name,
                event=due.event,
                attempts=MOST_ATTEMPTS,
                error=error,
            )
    if error is not None:
        _log.warning(
            "not delivered" if pause is not None else "given up",
            target=target.name,
            case=due.number,
            attempt=due.attempts + 1,
            error=error,
        )
