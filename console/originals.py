"""Where originals are kept: a folder or an S3-compatible store, through ``obstore``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from obstore.store import LocalStore, ObjectStore, from_url

from ioc.errors import ConfigError

REMOTE: Final = ("s3://", "http://", "https://", "gs://", "az://")


def open_store(url: str) -> ObjectStore:
    """The store that a setting names.

    Credentials of a remote store come from the environment or the machine, as its tools have it
    (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` …), never from our settings.

    Raises:
        ConfigError: It cannot be opened.
    """
    try:
        if url.startswith(REMOTE):
            return from_url(url)
        folder = Path(url)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder)
    except Exception as error:
        raise ConfigError(
            f"console.evidence_url: {url}: {error}; give a folder that this user may write, or "
            "s3://bucket/prefix"
        ) from None


def place_of(sha256: str) -> str:
    """Where a file lies in the store: 256 folders keep each of them short."""
    return f"{sha256[:2]}/{sha256}"
