"""A receiver of webhooks on loopback."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """A real server that takes deliveries, or does not.

    Attributes:
        status: It answers.
        wait_s: Before it answers.
        headers: It answers besides.
        came: Path, headers and body of each request.
        at_once: Most requests that were there at one time.
    """

    status: int = 204
    wait_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    now_there: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with receiver.lock:
                    receiver.now_there += 1
                    receiver.at_once = max(receiver.at_once, receiver.now_there)
                body = self.rfile.read(int(self.headers["content-length"]))
                time.sleep(receiver.wait_s)
                with receiver.lock:
                    receiver.now_there -= 1
                    lowered = {name.lower(): value for name, value in self.headers.items()}
                    receiver.came.append((self.path, lowered, body))
                try:
                    self.send_response(receiver.status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    if receiver.status == 500:
                        while True:  # an answer without end
                            self.wfile.write(b"x" * 65536)
                except OSError:
                    pass

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def cases(self) -> list[int]:
        return [json.loads(body)["data"]["number"] for _, _, body in self.came]
