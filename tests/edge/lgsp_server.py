"""A platform with a token endpoint and a service, on a real socket, told to misbehave at will."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

CLIENT = "ioc:hậu giang"  # both a colon and letters that must be encoded (RFC 6749, section 2.3.1)
SECRET = "bí mật & 100% +riêng"


class Platform:
    """The platform.

    Attributes:
        answer: What the service says; its JSON has an entity tag.
        expires_in: What the token endpoint tells; None leaves it out.
        lives_s: How long a token is good for in truth, seconds.
        trouble: Each question to the service takes one from here first: a status, or ``slow``,
            ``drip``, ``drip-head``, ``oversize``, ``broken``, ``gzip``, ``redirect``, ``reset``.
        token_trouble: Likewise at the token endpoint, where a dict is answered as it is.
        retry_after: Goes with every status from ``trouble``.
        asked: Headers of each question to the service.
        forms: Form and headers of each question for a token.
        tokens: Token → until when it is good, monotonic seconds.
        statuses: What the service answered, in order.
    """

    def __init__(self, tls: dict[str, Path] | None = None) -> None:
        self.answer: Any = {}
        self.expires_in: Any = 3600
        self.lives_s = 3600.0
        self.trouble: deque[int | str] = deque()
        self.token_trouble: deque[int | str | dict[str, Any]] = deque()
        self.retry_after: str | None = None
        self.asked: list[dict[str, str]] = []
        self.forms: list[tuple[dict[str, str], dict[str, str]]] = []
        self.tokens: dict[str, float] = {}
        self.statuses: list[int] = []
        self.stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls["server"], tls["server_key"])
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Platform:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def url(self, path: str) -> str:
        """The address of ``data`` or ``token``."""
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}/{path}"

    def revoke(self) -> None:
        """Every token is worth nothing from now on."""
        self.tokens.clear()

    def oauth(self, folder: Path, auth: str = "basic") -> dict[str, Any]:
        """The table of the adapter's file for this platform."""
        secret = folder / "client.secret"
        secret.write_text(SECRET + "\n", encoding="utf-8")
        return {
            "token_url": self.url("token"),
            "client_id": CLIENT,
            "client_secret_file": str(secret),
            "scope": "chi-so.doc",
            "auth": auth,
        }


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            platform.forms.append((form, dict(self.headers)))
            if platform.token_trouble:
                self._misbehave(platform.token_trouble.popleft())
            elif _credentials(form, self.headers.get("Authorization", "")) != (CLIENT, SECRET):
                self._json(401, {"error": "invalid_client"})
            elif form.get("grant_type") != "client_credentials":
                self._json(400, {"error": "unsupported_grant_type"})
            else:
                token = f"token-{len(platform.forms)}"
                platform.tokens[token] = time.monotonic() + platform.lives_s
                document = {"access_token": token, "token_type": "bearer"}
                if platform.expires_in is not None:
                    document["expires_in"] = platform.expires_in
                self._json(200, document)

        def do_GET(self) -> None:
            platform.asked.append({name.lower(): value for name, value in self.headers.items()})
            if platform.trouble:
                self._misbehave(platform.trouble.popleft())
                return
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if platform.forms and platform.tokens.get(token, 0) < time.monotonic():
                self._json(401, {"error": "invalid_token"})
                return
            body = json.dumps(platform.answer).encode()
            etag = f'"{hash(body) & 0xFFFFFF:x}"'
            if self.headers.get("If-None-Match") == etag:
                self._send(304, b"", {"ETag": etag})
            else:
                self._send(200, body, {"ETag": etag})

        def _misbehave(self, kind: int | str | dict[str, Any]) -> None:
            if isinstance(kind, dict):
                self._json(200, kind)
                return
            self.close_connection = True
            if isinstance(kind, int):
                more = {} if platform.retry_after is None else {"Retry-After": platform.retry_after}
                self._send(kind, b"<html>no</html>", more)
            elif kind == "slow":
                platform.stopping.wait(30)
            elif kind == "drip":
                self._start(200, {"Content-Length": "1000"})
                self._drip(b"[" + b" " * 998 + b"]")
            elif kind == "drip-head":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000)
            elif kind == "oversize":
                self._start(200, {"Transfer-Encoding": "chunked"})
                while not platform.stopping.is_set():
                    self.wfile.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
            elif kind == "broken":
                self._send(200, b'{"chiSo": [{"ma"', {})
            elif kind == "gzip":
                self._send(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})
            elif kind == "redirect":
                self._send(302, b"", {"Location": platform.url("data")})
            elif kind == "reset":
                self._start(200, {"Content-Length": "1000"})
                self.wfile.write(b"[1, ")

        def _drip(self, content: bytes) -> None:
            for byte in content:
                if platform.stopping.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def _json(self, status: int, document: Any) -> None:
            self._send(status, json.dumps(document).encode(), {"Cache-Control": "no-store"})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self._start(status, {**headers, "Content-Length": str(len(body))})
            if status != 304:
                self.wfile.write(body)

        def _start(self, status: int, headers: dict[str, str]) -> None:
            if self.command == "GET":
                platform.statuses.append(status)
            self.send_response(status)
            if self.close_connection:
                # Said, so that nobody sends the next question into a line that is just closing.
                self.send_header("Connection", "close")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the client has left, as it should

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def _credentials(form: dict[str, str], header: str) -> tuple[str, str]:
    if header.startswith("Basic "):
        name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")
