"""Headers of every answer, and the bound on every body: pure ASGI, so that streams stay streams."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, nothing inline: an injected tag does nothing. ``data:`` is for the arrow
of select boxes, ``blob:`` for the clip of the next case, which is fetched ahead."""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_FORM_BYTES: Final = 64 * 1024
"""Longest body of a form; evidence has a bound of its own."""


class Headers:
    """Adds ``HEADERS``; pages and data are kept by nobody, static files are."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._tls:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                kept = path.startswith("/static/") and message["status"] == 200
                keep = "public, max-age=31536000, immutable" if kept else "no-store"
                headers.setdefault("Cache-Control", keep)
            await send(message)

        await self._app(scope, receive, sending)


class BoundedForms:
    """Refuses bodies of pages that are longer than any form of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith("/evidence/"):
            await self._app(scope, receive, send)
            return
        came = 0
        refused = False

        async def receiving() -> Message:
            nonlocal came, refused
            message = await receive()
            if message["type"] == "http.request":
                came += len(message.get("body", b""))
                if came > MOST_FORM_BYTES:
                    refused = True
                    return {"type": "http.request", "body": b"", "more_body": False}
            return message

        async def sending(message: Message) -> None:
            if refused and message["type"] == "http.response.start":
                message["status"] = 413
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > MOST_FORM_BYTES:
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b"too long\n"})
            return
        await self._app(scope, receiving, sending)
