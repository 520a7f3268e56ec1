"""PostgreSQL from the wheel, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from ioc.local_process import free_port
from ioc.local_servers import EmbeddedPostgres


class Postgres(EmbeddedPostgres):
    """PostgreSQL on loopback that keeps its data over stop and kill; ``url()`` names it.

    Args:
        folder: Its own folder; data and log. Run by root, others must be able to enter it, which
            pytest's ``tmp_path`` does not allow: see ``tests/conftest.py``.
        port: To listen on; a free one if not given.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, port or free_port())
