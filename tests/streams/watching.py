"""What tests of the watcher share: pages of parts, a watcher at work, what it wrote."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg

from ioc.settings import DatabaseSettings, Settings
from ioc.watch_settings import WatchSettings
from streams.metrics_page import MOST_BYTES
from streams.watch import Watch
from tests.streams.pages import Bridge

AWAY = "http://127.0.0.1:1/metrics"

Rows = dict[tuple[str, str, str], list[float]]
"""Values by part, figure and label, in the order of time."""


class Pages:
    """A server on loopback; ``/metrics`` is a bridge's, other paths are what goes wrong."""

    def __init__(self) -> None:
        self.bridge = Bridge()
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        if path == "/moved/metrics":
            handler.send_response(302)
            handler.send_header("Location", f"{self.url}/metrics")
            handler.end_headers()
            return
        handler.send_response(503 if path == "/ill/health" else 200)
        handler.end_headers()
        write = handler.wfile.write
        try:
            if path == "/slow/metrics":
                for _ in range(600):  # a byte now and then: no read of it ever takes long
                    write(b"#")
                    time.sleep(0.1)
            elif path == "/large/metrics":
                for _ in range(MOST_BYTES // 2**16 + 2):
                    write(b"ioc_x 1\n" * 2**13)
            elif path == "/garbage/metrics":
                write(bytes(range(256)) * 100)
            else:
                write(self.bridge.text().encode())
        except OSError:
            return  # who asked has gone

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(settings: Settings) -> Iterator[Watch]:
    """A watcher at work; it ends within its promise."""
    watch, stop = Watch(settings), threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def settings_of(database: DatabaseSettings, **watch: Any) -> Settings:
    told = {"name": "core-1", "interval_s": 1, "timeout_s": 1, "kafka": False, **watch}
    return Settings(database=database, watch=WatchSettings.model_validate(told))


def rows(database: DatabaseSettings) -> Rows:
    found: Rows = {}
    with psycopg.connect(database.url) as connection:
        for part, figure, label, value in connection.execute(
            "SELECT part, figure, label, value FROM core_figure ORDER BY time"
        ):
            found.setdefault((part, figure, label), []).append(value)
    return found


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.1)
