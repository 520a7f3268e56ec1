"""Requests to a server of the platform, each within bounds of time and size."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from ioc import __version__
from ioc.errors import ConfigError

MOST_RETRY_AFTER_S: Final = 6 * 3600.0
"""A server may not silence us for longer, whatever its ``Retry-After`` says."""


class WebError(Exception):
    """A request did not bring what it was for.

    Attributes:
        why: In words, for the log; holds no secret.
        retry_after_s: How long the server asks us to stay away; None where it does not say.
    """

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        status: HTTP status.
        headers: By name, in any case.
        body: As it came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What proves a server to us, and us to the server.

    Attributes:
        where: Key in the adapter's file, for messages.
        ca_file: CA certificate; None for the system's.
        cert_file: Our certificate.
        key_file: Its private key.
    """

    where: str
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later, host name checked.

        Raises:
            ConfigError: A file cannot be used, or lacks its companion.
        """
        if (self.cert_file is None) != (self.key_file is None):
            raise ConfigError(f"{self.where}: cert_file and key_file: set both or neither")
        key, at = "ca_file", self.ca_file
        try:
            context = ssl.create_default_context(cafile=at)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            key, at = "cert_file", self.cert_file
            if at is not None:
                # An encrypted key would make OpenSSL ask on the terminal; an empty one refuses.
                context.load_cert_chain(at, self.key_file, password="")
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{self.where}: {key}: {at}: {error}; give a PEM file") from None
        return context


class Web:
    """A client of one server. Make it inside the event loop that it is used in.

    Args:
        context: What TLS trusts and shows.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._client = httpx.AsyncClient(
            verify=context,
            timeout=None,  # the whole request has one limit, which covers a server that drips
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
            headers={
                "User-Agent": f"haugiang-ioc/{__version__}",
                "Accept": "application/json",
                # What is not compressed cannot swell: the limit of bytes is that of the answer.
                "Accept-Encoding": "identity",
            },
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        most_bytes: int,
        within_s: float,
    ) -> Answer:
        """Ask, and read the whole answer.

        Args:
            method: HTTP method.
            url: Whom.
            headers: Besides those that every request has.
            form: Body, as a form.
            most_bytes: A larger answer is an error.
            within_s: Longest wait for all of it, seconds.

        Raises:
            WebError: No connection, no answer in time, too large, compressed, a redirect.
        """
        try:
            async with asyncio.timeout(within_s):
                return await self._request(method, url, headers, form, most_bytes)
        except TimeoutError:
            raise WebError(f"no whole answer within {within_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise WebError(f"{type(error).__name__}: {error}"[:300]) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        most_bytes: int,
    ) -> Answer:
        request = self._client.build_request(
            method, url, headers=dict(headers), data=None if form is None else dict(form)
        )
        answer = await self._client.send(request, stream=True)
        try:
            if 300 <= answer.status_code < 400 and answer.status_code != 304:
                raise WebError(
                    f"answers {answer.status_code}, a redirect; give the final address as url"
                )
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise WebError("the answer is compressed, which was not asked for")
            return Answer(answer.status_code, answer.headers, await self._body(answer, most_bytes))
        finally:
            await answer.aclose()

    @staticmethod
    async def _body(answer: httpx.Response, most_bytes: int) -> bytes:
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise WebError(f"the answer is larger than {most_bytes} bytes; see max_kb")
        return bytes(body)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long a server asks to be left alone, seconds; at most ``MOST_RETRY_AFTER_S``.

    Args:
        headers: Of its answer.
        now: The present instant.

    Returns:
        None where it does not say, or says it in no way that we know.
    """
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:12]), MOST_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(told)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        seconds = (until - now).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(0.0, seconds), MOST_RETRY_AFTER_S) if math.isfinite(seconds) else None


def refusal(answer: Answer, now: datetime) -> WebError:
    """The error that a status which is no success means."""
    return WebError(f"answers {answer.status}", retry_after_s(answer.headers, now))
