"""Taking batches from a Faust stream without losing one.

``noack_take`` and never ``take``: ``take`` acknowledges a batch even when its handler fails (Faust
0.15.3, in a ``finally``), which loses it. Batches are committed one after another and acknowledged
in order, because Faust 0.15.3 commits past an event that is still unacknowledged when a later one
is acknowledged (issue 606); for the same reason an agent's concurrency stays 1.

A batch whose commit raises is committed again, for ever. To let the error end the agent would lose
events: Faust starts the agent again behind them, and commits past them.

While one batch is being written the next one is gathered, so that the database and this process
work at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from faust.streams import Stream
from faust.types import EventT, StreamT

from ioc.telemetry import logger
from streams.batch import Raw

_log = logger("streams.consume")

RETRY_S = 5.0
"""Pause before a batch is committed again, seconds. What is known to pass, the sink waits for."""

Commit = Callable[[Sequence[Raw]], Awaitable[None]]
"""Stores a batch; returns only when none of it can be lost any more."""


async def consume(stream: StreamT[Any], commit: Commit, max_: int, within_s: float) -> None:
    """Commit a stream batch by batch, until it ends.

    Args:
        stream: Events whose value is bytes.
        commit: Stores a batch.
        max_: Most events of a batch.
        within_s: Longest wait for a batch to fill, seconds.
    """
    writing: asyncio.Task[None] | None = None
    try:
        async for events in cast(Stream[Any], stream).noack_take(max_, within=within_s):
            if writing is not None:
                await writing
            writing = asyncio.create_task(_commit_and_ack(list(events), commit))
            # Let the write begin before the next batch is gathered.
            await asyncio.sleep(0)
        if writing is not None:
            await writing
    finally:
        if writing is not None and not writing.done():
            # The partition is being taken away: unacknowledged events go to its next owner.
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


async def _commit_and_ack(events: Sequence[EventT[Any]], commit: Commit) -> None:
    records = [_raw(event) for event in events]
    while True:
        try:
            await commit(records)
        except Exception:
            _log.exception("a batch was not committed; trying again", records=len(records))
            await asyncio.sleep(RETRY_S)
        else:
            break
    for event in events:
        event.ack()


def _raw(event: EventT[Any]) -> Raw:
    message = event.message
    key = message.key
    value = message.value
    return Raw(
        key if isinstance(key, bytes) else b"",
        value if isinstance(value, bytes) else b"",
        message.topic,
    )
