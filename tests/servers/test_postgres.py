"""PostgreSQL from the wheel keeps what was committed over a kill, on the same port."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import Postgres


def test_a_commit_outlives_a_kill(server_folder: Path) -> None:
    server = Postgres(server_folder)
    server.start()
    try:
        url = server.url()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
        server.restart()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    finally:
        server.stop()
    assert not server.running
