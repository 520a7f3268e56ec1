"""The access token of a source: the client credentials grant (RFC 6749, section 4.4).

A token is kept until shortly before it ends, and thrown away when the service refuses it. The
secret is read from its file for each request, so that a new one needs no restart.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus

from edge.lgsp.config import OAuthTable, read_secret
from edge.lgsp.web import Answer, Web, WebError, retry_after_s
from ioc.clock import Clock
from ioc.decode import ContractError
from ioc.errors import ConfigError
from ioc.foreign_json import parse

MOST_BYTES: Final = 64 * 1024
MARGIN_S: Final = 30.0
"""A token that ends within this is renewed first; of a short one half of its life is used."""

UNTOLD_S: Final = 300.0
"""How long a token is used whose end the server does not tell."""

LONGEST_S: Final = 86_400.0
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}=*")
"""What a bearer token may be made of (RFC 6750, section 2.1): nothing that breaks a header."""


class Tokens:
    """The token of one source.

    Args:
        settings: Where it comes from, and who we are there.
        where: Key of the settings, for messages.
        web: Sends the requests.
        within_s: Longest wait for an answer, seconds.
        clock: The present instant.
        monotonic: Seconds that never run backwards.
    """

    def __init__(
        self,
        settings: OAuthTable,
        where: str,
        web: Web,
        within_s: float,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._where = where
        self._web = web
        self._within_s = within_s
        self._clock = clock
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._until = 0.0

    async def token(self) -> str:
        """A token that holds for now.

        Raises:
            WebError: The server does not give one.
        """
        async with self._lock:
            if self._token is None or self._monotonic() >= self._until:
                self._token = None
                asked = self._monotonic()
                self._token, lasts_s = self._read(await self._ask())
                self._until = asked + max(lasts_s - MARGIN_S, lasts_s / 2)
            return self._token

    def forget(self, token: str) -> None:
        """Use a token no more, because the service has refused it."""
        if self._token == token:
            self._token = None

    async def _ask(self) -> Answer:
        settings = self._settings
        try:
            secret = read_secret(f"{self._where}.client_secret_file", settings.client_secret_file)
        except ConfigError as error:
            raise WebError(str(error)) from None
        form = {"grant_type": "client_credentials"}
        if settings.scope is not None:
            form["scope"] = settings.scope
        headers: dict[str, str] = {}
        if settings.auth == "basic":
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"  # section 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": settings.client_id, "client_secret": secret}
        try:
            answer = await self._web.request(
                "POST",
                settings.token_url,
                headers=headers,
                form=form,
                most_bytes=MOST_BYTES,
                within_s=self._within_s,
            )
        except WebError as error:
            raise WebError(f"{settings.token_url}: {error.why}", error.retry_after_s) from None
        if answer.status != 200:
            raise WebError(
                f"{settings.token_url}: answers {answer.status}{_code_of(answer.body)}",
                retry_after_s(answer.headers, self._clock()),
            )
        return answer

    def _read(self, answer: Answer) -> tuple[str, float]:
        """The token in an answer, and how long it lasts, seconds."""
        url = self._settings.token_url
        document = _object(answer.body)
        token, kind = document.get("access_token"), document.get("token_type")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise WebError(f"{url}: no usable access_token in the answer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise WebError(f"{url}: token_type is not Bearer; nothing else is spoken here")
        lasts = document.get("expires_in", UNTOLD_S)
        if isinstance(lasts, str) and lasts.isascii() and lasts.isdigit():
            lasts = int(lasts[:12])  # against the RFC, and yet some servers do
        if isinstance(lasts, bool) or not isinstance(lasts, int | float) or not lasts > 0:
            raise WebError(f"{url}: expires_in is no number of seconds")
        return token, min(float(min(lasts, LONGEST_S)), LONGEST_S)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = parse(body, MOST_BYTES)
    except ContractError as error:
        raise WebError(f"the token's answer cannot be read: {error.detail}") from None
    return document if isinstance(document, dict) else {}


def _code_of(body: bytes) -> str:
    """The error code of section 5.2, if there is one that can be shown."""
    try:
        code = _object(body).get("error")
    except WebError:
        return ""
    shown = isinstance(code, str) and re.fullmatch(r"[\w .:/-]{1,60}", code)
    return f" ({code})" if shown else ""
