"""The webhook: what the platform posts is checked, understood and on disk before it is answered.

Answers are short JSON; an error is a problem (RFC 9457) whose ``errors`` name the fields at fault.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from edge.bounded_log import BoundedLog
from edge.lgsp.config import PushTable
from edge.lgsp.counters import PUSH, LgspCounters
from edge.lgsp.intake import Message, Taken, UsedMessageError
from edge.lgsp.mapping import Fault, Found, Translation, Value
from edge.lgsp.told import ToldError
from edge.publisher import PublisherStoppedError
from edge.spool_file import SpoolError
from ioc.clock import Clock
from ioc.decode import ContractError
from ioc.telemetry import logger
from ioc.webhook_signing import SignatureError, verify

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Take = Callable[[Sequence[Value], Message], Awaitable[Taken]]
"""Puts the values of a message into the spool; returns when they are on the disk."""

TROUBLE_RETRY_S: Final = 30
"""When the sender is asked to come again while our disk does not work, seconds."""

LEAVING_RETRY_S: Final = 10
PATIENCE: Final = 8
"""A body of up to so many times the limit is read to its end before it is refused: a sender that
is cut off in the middle sees a broken connection instead of the reason."""

MAX_SHOWN: Final = 20


class ProblemError(Exception):
    """A message that is not taken."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        retry_s: float | None = None,
        allow: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = tuple(faults)[:MAX_SHOWN]
        self.headers: list[tuple[bytes, bytes]] = []
        if retry_s is not None:
            self.headers.append((b"retry-after", str(max(1, round(retry_s))).encode()))
        if allow is not None:
            self.headers.append((b"allow", allow.encode()))

    def body(self) -> bytes:
        """The problem as JSON."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.faults:
            document["errors"] = [{"field": f.field, "detail": f.detail} for f in self.faults]
        return msgspec.json.encode(document)


class Bucket:
    """A bound on how many messages are taken a minute; a pause lets as many come at once.

    Args:
        per_minute: How many.
        monotonic: Seconds that never run backwards.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._monotonic = monotonic
        self._left = self._most
        self._at = monotonic()

    def take(self) -> float:
        """Take one.

        Returns:
            0, or the seconds after which there is one again.
        """
        now = self._monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now
        if self._left < 1:
            return (1 - self._left) * 60 / self._most
        self._left -= 1
        return 0.0


class Webhook:
    """The application behind the webhook's address (ASGI 3).

    Args:
        settings: Path and limits.
        secrets: Any of them may sign.
        translation: What messages mean.
        take: Where values go.
        counters: What is counted.
        clock: The present instant.
        monotonic: Seconds that never run backwards.
    """

    def __init__(
        self,
        settings: PushTable,
        secrets: Sequence[bytes],
        translation: Translation,
        take: Take,
        counters: LgspCounters,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._translation = translation
        self._take = take
        self._counters = counters
        self._clock = clock
        self._bucket = Bucket(settings.per_minute, monotonic)
        self._most_bytes = settings.max_kb * 1024
        self._log = BoundedLog(logger("edge.lgsp.webhook"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, body, more = HTTPStatus.ACCEPTED, await self._answer(scope, receive), []
            kind = b"application/json"
        except ProblemError as problem:
            status, body, more = problem.status, problem.body(), problem.headers
            kind = b"application/problem+json"
            self._log.warn(
                f"a pushed message was answered {status.value}",
                detail=problem.detail,
                faults=[f"{fault.field}: {fault.detail}" for fault in problem.faults],
                client=(scope.get("client") or ("?",))[0],
            )
        except _GoneError:
            return
        self._counters.pushes[status.value] += 1
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
            *more,
        ]
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        # First the body, so that the answer is not lost in a connection that is reset under it.
        raw = await self._body(headers, receive)
        self._route(scope, headers)
        try:
            name = verify(self._secrets, headers, raw, self._clock(), self._settings.tolerance_s)
        except SignatureError as error:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, str(error)) from None
        wait_s = self._bucket.take()
        if wait_s:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"at most {self._settings.per_minute} messages a minute",
                retry_s=wait_s,
            )
        found = await self._understood(raw)
        taken = await self._store(found, Message(name, hashlib.sha256(raw).digest()))
        self._counters.note(PUSH, found, taken, self._clock())
        return msgspec.json.encode(
            {
                "taken": taken.published,
                "repeated": taken.repeated,
                "missing": found.missing,
                "refused": [{"field": f.field, "detail": f.detail} for f in found.faults],
            }
        )

    def _route(self, scope: Scope, headers: dict[str, str]) -> None:
        if scope["path"] != self._settings.path:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"post to {self._settings.path}")
        if scope["method"] != "POST":
            raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, "only POST", allow="POST")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type must be application/json"
            )

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body; one that is too large is read a while longer, and not kept."""
        told = headers.get("content-length", "0")
        if told.isdigit() and int(told[:12]) > self._most_bytes * PATIENCE:
            raise self._too_large()
        body = bytearray()
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            part: bytes = message.get("body", b"")
            size += len(part)
            if size <= self._most_bytes:
                body += part
            elif size > self._most_bytes * PATIENCE:
                break
            more = message.get("more_body", False)
        if size > self._most_bytes:
            raise self._too_large()
        return bytes(body)

    def _too_large(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self._most_bytes} bytes a message"
        )

    async def _understood(self, raw: bytes) -> Found:
        """What the message says.

        Raises:
            ProblemError: It is no JSON, or nothing in it can be understood.
        """
        try:
            found = await asyncio.to_thread(
                self._translation.read, raw, self._clock(), self._most_bytes
            )
        except ContractError as error:
            fault = Fault(error.field, error.detail)
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, f"the message cannot be read: {error.detail}", [fault]
            ) from None
        if not found.values:
            faults = found.faults or tuple(
                Fault(f"{quantity}.value", "no value") for quantity in found.missing
            )
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "nothing in the message can be understood", faults
            )
        return found

    async def _store(self, found: Found, message: Message) -> Taken:
        try:
            return await self._take(found.values, message)
        except UsedMessageError:
            fault = Fault("webhook-id", "was that of another message; use a new one for each")
            raise ProblemError(HTTPStatus.BAD_REQUEST, fault.detail, [fault]) from None
        except (SpoolError, ToldError) as error:
            self._log.warn("a pushed message could not be stored", error=str(error))
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "cannot store it now", retry_s=TROUBLE_RETRY_S
            ) from None
        except PublisherStoppedError:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "is being restarted", retry_s=LEAVING_RETRY_S
            ) from None


class _GoneError(Exception):
    """The sender has hung up."""
