"""Batches are acknowledged in order and only when they are committed (pure: a stream made up)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from streams import consume as module
from streams.batch import Raw
from streams.consume import consume


@dataclass
class Message:
    key: Any
    value: Any
    topic: str = "ioc.flow.v1"


@dataclass
class Event:
    message: Message
    acked: list[bytes]

    def ack(self) -> None:
        self.acked.append(self.message.value)


@dataclass
class Stream:
    """Gives batches one after another, then waits or ends."""

    batches: list[list[Any]]
    ends: bool = True
    acked: list[bytes] = field(default_factory=list)
    taken: int = 0

    async def noack_take(self, max_: int, within: float) -> AsyncIterator[list[Event]]:
        for batch in self.batches:
            self.taken += 1
            yield [Event(Message(b"a/b/c", value), self.acked) for value in batch]
        if not self.ends:
            await asyncio.Event().wait()


async def run(stream: Stream, commit: Any) -> None:
    await consume(cast(Any, stream), commit, 10, 0.1)


async def test_batches_are_committed_one_after_another_and_acknowledged_in_order() -> None:
    stream = Stream([[b"1", b"2"], [b"3"], [b"4", b"5"]])
    busy, committed = 0, []

    async def commit(records: Sequence[Raw]) -> None:
        nonlocal busy
        busy += 1
        assert busy == 1, "two batches at a time"
        before = list(stream.acked)
        await asyncio.sleep(0.01)
        assert stream.acked == before, "acknowledged before its commit"
        committed.append([record.value for record in records])
        busy -= 1

    await run(stream, commit)
    assert committed == [[b"1", b"2"], [b"3"], [b"4", b"5"]]
    assert stream.acked == [b"1", b"2", b"3", b"4", b"5"]


async def test_the_next_batch_is_gathered_while_one_is_written_and_no_more() -> None:
    stream = Stream([[b"1"], [b"2"], [b"3"], [b"4"]])
    gate = asyncio.Event()

    async def commit(_: Sequence[Raw]) -> None:
        await gate.wait()

    task = asyncio.create_task(run(stream, commit))
    await asyncio.sleep(0.02)
    assert stream.taken == 2
    gate.set()
    await task
    assert stream.taken == 4


async def test_a_commit_that_fails_acknowledges_nothing_and_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    stream = Stream([[b"1", b"2"], [b"3"]])
    tries: list[list[bytes]] = []

    async def commit(records: Sequence[Raw]) -> None:
        assert stream.acked == ([] if len(tries) < 3 else [b"1", b"2"])
        tries.append([record.value for record in records])
        if len(tries) < 3:
            raise RuntimeError("a bug")

    await run(stream, commit)
    assert tries == [[b"1", b"2"]] * 3 + [[b"3"]]
    assert stream.acked == [b"1", b"2", b"3"]


async def test_a_cancelled_write_acknowledges_nothing_and_is_over_on_return() -> None:
    stream = Stream([[b"1"], [b"2"]], ends=False)
    began, ended = asyncio.Event(), []

    async def commit(records: Sequence[Raw]) -> None:
        if records[0].value == b"1":
            return
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # as a transaction that rolls back
            ended.append(records[0].value)

    task = asyncio.create_task(run(stream, commit))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.acked == [b"1"]
    assert ended == [b"2"]


async def test_a_record_without_key_or_value_is_handed_on_empty() -> None:
    stream = Stream([[None, b"2"]])
    seen: list[Raw] = []

    async def commit(records: Sequence[Raw]) -> None:
        seen.extend(records)

    await run(stream, commit)
    assert [record.value for record in seen] == [b"", b"2"]
