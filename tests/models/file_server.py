"""A real HTTP server of one file that can be told to answer each request wrongly."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """How one request is answered; by default as an honest server would.

    Attributes:
        status: Instead of 200 or 206.
        headers: Set on top of the honest ones; None leaves one out.
        body: Instead of the file.
        cut: Bytes of the body after which the connection is closed.
        ranges: Whether Range is heeded.
        shift: Bytes by which the range that is sent is another one than was asked for.
        endless: Send for ever, without a length.
        pause_s: Waited between pieces of ``piece`` bytes.
    """

    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    ranges: bool = True
    shift: int = 0
    endless: bool = False
    pause_s: float = 0.0
    piece: int = 1 << 14


class FileServer:
    """One file at every path."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.etag: str | None = '"one"'
        self.script: list[Answer] = []
        self.usual = Answer()
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def ranges_asked(self) -> list[int | None]:
        """Where each request wanted to begin."""
        found = [re.match(r"bytes=(\d+)-", asked.get("range", "")) for asked in self.asked]
        return [int(match[1]) if match else None for match in found]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append({name.lower(): value for name, value in self.headers.items()})
                server.paths.append(self.path)
                answer = server.script.pop(0) if server.script else server.usual
                try:
                    server._send(self, answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _send(self, to: BaseHTTPRequestHandler, answer: Answer) -> None:
        whole = self.body if answer.body is None else answer.body
        start, status = 0, 200
        wanted = re.match(r"bytes=(\d+)-$", to.headers.get("Range", ""))
        condition = to.headers.get("If-Range")
        if wanted and answer.ranges and (condition is None or condition == self.etag):
            start, status = int(wanted[1]) + answer.shift, 206
        headers: dict[str, str | None] = {"Content-Type": "application/octet-stream"}
        headers["ETag"] = self.etag
        body = whole[start:]
        if status == 206 and start >= len(whole):
            status, body = 416, b""
            headers["Content-Range"] = f"bytes */{len(whole)}"
        elif status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        headers["Content-Length"] = None if answer.endless else str(len(body))
        headers |= answer.headers
        to.send_response(answer.status or status)
        for name, value in headers.items():
            if value is not None:
                to.send_header(name, value)
        if headers["Content-Length"] is None or answer.cut is not None:
            to.send_header("Connection", "close")
            to.close_connection = True
        to.end_headers()
        if answer.cut is not None:
            body = body[: answer.cut]
        while True:
            for begin in range(0, len(body), answer.piece):
                to.wfile.write(body[begin : begin + answer.piece])
                to.wfile.flush()
                if answer.pause_s:
                    time.sleep(answer.pause_s)
            if not answer.endless:
                return


@contextmanager
def serving(body: bytes) -> Iterator[FileServer]:
    """A file server on a free port of this machine."""
    server = FileServer(body)
    thread = threading.Thread(target=server._http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server._http.shutdown()
        server._http.server_close()
        thread.join(5)
