"""Asks one source of the platform again and again, and hands on what its answers say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final

from edge.backoff import Random, reconnect_wait
from edge.lgsp.config import SourceTable
from edge.lgsp.counters import LgspCounters
from edge.lgsp.intake import Taken
from edge.lgsp.mapping import Found, Translation, Value
from edge.lgsp.tokens import Tokens
from edge.lgsp.web import Answer, Web, WebError, refusal
from ioc.clock import Clock
from ioc.decode import ContractError
from ioc.telemetry import logger

FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0
"""Longest wait before the next try after failures; the interval, where that is longer."""

SPREAD: Final = 0.1
"""Part of the interval by which the next question may come early, so that adapters that were
started together do not ask together for ever."""

Take = Callable[[Sequence[Value]], Awaitable[Taken]]
"""Puts values into the spool; returns when they are on the disk."""


class Outcome(StrEnum):
    """What a question brought."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class Puller:
    """One source.

    Args:
        source: Its address, interval and limits.
        translation: What its answers mean.
        web: Sends the requests.
        tokens: Gives the access token; None where the source asks for none.
        take: Where values go.
        counters: What is counted.
        clock: The present instant.
        jitter: Spreads the questions of many adapters.
    """

    def __init__(
        self,
        source: SourceTable,
        translation: Translation,
        web: Web,
        tokens: Tokens | None,
        take: Take,
        counters: LgspCounters,
        clock: Clock,
        *,
        jitter: Random = random.random,
    ) -> None:
        self._source = source
        self._translation = translation
        self._web = web
        self._tokens = tokens
        self._take = take
        self._counters = counters
        self._clock = clock
        self._jitter = jitter
        self._etag: str | None = None
        self._failures = 0
        self._log = logger("edge.lgsp.pull").bind(source=source.name)

    async def run(self) -> None:
        """Ask until cancelled; whatever goes wrong is logged, counted and tried again."""
        while True:
            wait_s = await self.turn()
            await asyncio.sleep(wait_s)

    async def turn(self) -> float:
        """Ask once.

        Returns:
            Seconds to wait before the next time.
        """
        asked_to_wait_s: float | None = None
        try:
            outcome = await self._pull()
        except WebError as error:
            outcome, why, asked_to_wait_s = Outcome.FAILED, error.why, error.retry_after_s
        except ContractError as error:
            outcome, why = Outcome.FAILED, f"the answer cannot be read: {error.detail}"
        except Exception as error:
            # The spool's disk, or a fault of ours: other sources and the webhook go on.
            outcome, why = Outcome.FAILED, f"{type(error).__name__}: {error}"
        self._counters.pulls[self._source.name, outcome] += 1
        if outcome is not Outcome.FAILED:
            if self._failures:
                self._log.info("the source answers again", after_failures=self._failures)
            self._failures = 0
            return self._source.interval_s * (1 - SPREAD * self._jitter())
        longest_s = max(LONGEST_WAIT_S, self._source.interval_s)
        wait_s = reconnect_wait(self._failures, FIRST_WAIT_S, longest_s, self._jitter)
        self._failures += 1
        if asked_to_wait_s is not None:
            wait_s = max(wait_s, asked_to_wait_s)
        self._log.warning(
            "the source gave nothing", why=why, failures=self._failures, next_try_s=round(wait_s, 1)
        )
        return wait_s

    async def look(self) -> Found:
        """What the source says now; nothing is published, and nothing remembered.

        Raises:
            WebError: It gives no answer.
            ContractError: The answer cannot be read.
        """
        answer = await self._ask({})
        return await self._read(answer)

    async def _pull(self) -> Outcome:
        headers = {} if self._etag is None else {"If-None-Match": self._etag}
        answer = await self._ask(headers)
        if answer.status == 304 and self._etag is not None:
            self._counters.answered[self._source.name] = self._clock()
            return Outcome.UNCHANGED
        found = await self._read(answer)
        taken = await self._take(found.values)
        self._counters.note(self._source.name, found, taken, self._clock())
        # Only now: an answer that was not taken has to come again in full. In memory alone: after
        # a restart one full answer is cheaper than a tag that outlives what it stands for.
        self._etag = None
        if not self._translation.stamps and not found.early:
            self._etag = _usable(answer.headers.get("ETag", ""))
        return Outcome.NEW if taken.published else Outcome.UNCHANGED

    async def _read(self, answer: Answer) -> Found:
        if answer.status != 200:
            raise refusal(answer, self._clock())
        # In a thread: the largest answer with the largest mapping takes seconds.
        return await asyncio.to_thread(
            self._translation.read, answer.body, self._clock(), self._source.max_kb * 1024
        )

    async def _ask(self, headers: dict[str, str]) -> Answer:
        if self._tokens is None:
            return await self._get(headers)
        token = await self._tokens.token()
        answer = await self._get({**headers, "Authorization": f"Bearer {token}"})
        if answer.status != 401:
            return answer
        self._tokens.forget(token)  # revoked, or its end was told wrong: one new one is tried
        token = await self._tokens.token()
        answer = await self._get({**headers, "Authorization": f"Bearer {token}"})
        if answer.status == 401:
            self._tokens.forget(token)
        return answer

    async def _get(self, headers: dict[str, str]) -> Answer:
        source = self._source
        return await self._web.request(
            "GET",
            source.url,
            headers=headers,
            most_bytes=source.max_kb * 1024,
            within_s=source.timeout_s,
        )


def _usable(etag: str) -> str | None:
    """An entity tag that can be sent back; None for an odd or overlong one."""
    fits = 0 < len(etag) <= 256 and all("!" <= letter <= "~" for letter in etag)
    return etag if fits else None
