"""Listens for the webhook: uvicorn, with a limit on how long one connection may take in all."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.lgsp.config import PushTable
from edge.lgsp.webhook import Webhook
from ioc.errors import ConfigError

REQUEST_S: Final = 30.0
"""From connect to the end of the answer. Each connection carries one request, so that whoever
sends a byte now and then holds a place for this long and no longer."""

CONNECTIONS: Final = 64
MAX_HEADER_BYTES: Final = 16 * 1024
GRACE_S: Final = 5


class BriefProtocol(H11Protocol):
    """HTTP/1.1 on one connection that is cut off after ``REQUEST_S``."""

    _limit: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._limit = self.loop.call_later(REQUEST_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._limit.cancel()
        super().connection_lost(exc)


class WebhookServer(uvicorn.Server):
    """Serves a webhook inside a running event loop; signals are the program's own.

    Args:
        settings: Where it listens, and with what certificate.
        app: What answers.

    Raises:
        ConfigError: The address is taken, or a certificate cannot be used.
    """

    def __init__(self, settings: PushTable, app: Webhook) -> None:
        config = uvicorn.Config(
            _application(app),
            http=BriefProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_graceful_shutdown=GRACE_S,
        )
        config.load()
        config.ssl = _context(settings)
        super().__init__(config)
        self._socket = _listening(settings)

    async def run_here(self) -> None:
        """Serve until ``leave``."""
        try:
            await self.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def leave(self) -> None:
        """Take no more requests; those under way get their answers."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _application(app: Webhook) -> Any:
    """The webhook as a function, which uvicorn takes for ASGI 3 without guessing."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return call


def _listening(settings: PushTable) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"push.port {settings.port}: cannot listen on {settings.host}: {error.strerror}; "
            "choose another port or address"
        ) from None


def _context(settings: PushTable) -> ssl.SSLContext | None:
    if settings.cert_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    key, at = "cert_file", settings.cert_file
    try:
        # An encrypted key would make OpenSSL ask on the terminal; an empty one refuses.
        context.load_cert_chain(at, settings.key_file, password="")
        if settings.client_ca_file is not None:
            key, at = "client_ca_file", settings.client_ca_file
            context.load_verify_locations(at)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"push.{key}: {at}: {error}; give a PEM file") from None
    return context
