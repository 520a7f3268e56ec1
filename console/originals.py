"""Where originals are kept: a folder or an S3-compatible store, through ``obstore``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from ioc.errors import ConfigError
from ioc.telemetry import logger

S3: Final = "s3://"
REMOTE: Final = (S3, "http://", "https://", "gs://", "az://")

ONE_FILE: Final = "300s"
"""For one request: 256 MiB at 7 Mbit/s. By itself obstore gives up after 30 s, and whatever took
longer once would never arrive. ``AWS_TIMEOUT`` says otherwise."""

FIRST_LOOK_S: Final = 10.0
MOST_TOLD: Final = 300
"""Characters of a refusal."""

AWAY: Final = ("error sending request", "status code: 5")
"""In the words of a store that cannot be reached now; whatever else it says stays so."""

_log = logger("console.evidence")


def open_store(url: str, **more: Any) -> ObjectStore:
    """The store that a setting names.

    Credentials of a remote store come from the environment or the machine, as its tools have it
    (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` …), never from our settings.

    Args:
        url: The setting.
        more: For ``obstore`` about a remote store.

    Raises:
        ConfigError: It cannot be opened.
    """
    try:
        if url.startswith(REMOTE):
            # Not as an option of its client: with one, AWS_ALLOW_HTTP and its like are not read.
            os.environ.setdefault("AWS_TIMEOUT", ONE_FILE)
            return from_url(url, **more)
        folder = Path(url)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder)
    except Exception as error:
        raise ConfigError(
            f"console.evidence_url: {url}: {error}; give a folder that this user may write, or "
            "s3://bucket/prefix"
        ) from None


def check_bucket(url: str) -> None:
    """Ask a bucket for its list, so that the start tells of a wrong key, not the first sender.

    One that does not answer is no reason to stay away: people can review, and senders wait.

    Raises:
        ConfigError: It answers, and refuses.
    """
    if not url.startswith(S3):
        return
    store = open_store(url, retry_config={"max_retries": 0})

    async def look() -> None:
        async with asyncio.timeout(FIRST_LOOK_S):
            async for _ in obstore.list(store, chunk_size=1):
                return

    try:
        asyncio.run(look())
    except TimeoutError:
        _log.warning("the store of originals cannot be reached", url=url, error="no answer")
    except BaseError as error:
        # What follows is the request as a debugger sees it, over fifty lines.
        why = " ".join(str(error).partition("\n\nDebug source")[0].split())[:MOST_TOLD]
        if any(word in why for word in AWAY):
            _log.warning("the store of originals cannot be reached", url=url, error=why)
            return
        raise ConfigError(
            f"console.evidence_url: {url}: {why}; look at the bucket, and at AWS_ENDPOINT_URL, "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of this service"
        ) from None


def place_of(sha256: str) -> str:
    """Where a file lies in the store: 256 folders keep each of them short."""
    return f"{sha256[:2]}/{sha256}"
