"""What a sender asks of a console, without an uploader."""

from __future__ import annotations

import hashlib

import httpx

from tests.console.senders import (
    LiveConsole,
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(console: LiveConsole, token: str, data: bytes, **headers: str) -> httpx.Response:
    name = headers.pop("name", sha(data))
    return httpx.put(
        f"{console.url}/{name}", content=data,
        headers={"Authorization": f"Bearer {token}", **headers},
    )  # fmt: skip


def ask(console: LiveConsole, token: str, name: str) -> httpx.Response:
    return httpx.head(f"{console.url}/{name}", headers={"Authorization": f"Bearer {token}"})
