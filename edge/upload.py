"""Evidence on its way to the core: HTTPS PUT, named by content, taken up where it broke off.

The protocol is in docs/evidence.md. In short: ``HEAD {url}/{sha256}`` tells how much the server
holds, ``PUT`` sends the rest with ``Content-Range`` and ``Repr-Digest``, and only an answer of
200, 201 or 204 means that the server has the whole file and its digest is right.
"""

from __future__ import annotations

import base64
import ipaddress
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx

from edge.backoff import Random, reconnect_wait
from edge.bounded_log import BoundedLog
from edge.evidence_index import Member
from edge.evidence_store import EvidenceStore, StoreError
from edge.upload_answer import Answer, Verdict, judge_head, judge_put
from ioc.errors import ConfigError
from ioc.settings import EvidenceSettings
from ioc.telemetry import logger

CHUNK: Final = 64 * 1024
FIRST_WAIT_S: Final = 1.0
IDLE_S: Final = 60.0
"""How often an idle uploader looks at the store by itself, and lets old sets expire."""

FRUITLESS: Final = 4
"""Answers without progress in a row, after which the uploader waits before it asks again."""

RESTARTS: Final = 3
"""Times a file is sent from its beginning because the server found another digest."""

_TIMEOUT: Final = httpx.Timeout(60.0, connect=15.0)


@dataclass(frozen=True, slots=True)
class UploadStats:
    """Figures of an uploader.

    Attributes:
        uploaded: Files that the server has whole.
        sent_bytes: Bytes of bodies that were sent, also those sent again.
        failures: Requests that failed or were put off.
        refused: Files that were set aside, because the server will never take them.
        waiting: Whether it waits before the next try, because the last one failed.
    """

    uploaded: int = 0
    sent_bytes: int = 0
    failures: int = 0
    refused: int = 0
    waiting: bool = False


class Uploader:
    """Sends the files of a store on a thread of its own, oldest set first, for ever."""

    def __init__(
        self,
        store: EvidenceStore,
        settings: EvidenceSettings,
        *,
        jitter: Random = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Set up the connection; nothing is sent before ``start``.

        Args:
            store: Where the files are.
            settings: Where they go.
            jitter: Spreads the retries of many nodes.
            monotonic: Clock of the bandwidth limit, seconds.
            first_wait_s: Wait after the first failure, seconds.

        Raises:
            ConfigError: The address or a certificate cannot be used.
        """
        self._store = store
        self._settings = settings
        self._jitter = jitter
        self._monotonic = monotonic
        self._first_wait_s = first_wait_s
        self._url = checked_url(settings)
        self._client = httpx.Client(
            verify=_tls(settings), timeout=_TIMEOUT, trust_env=False, follow_redirects=False
        )
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._stats = UploadStats()
        self._attempt = 0
        self._held: dict[str, int] = {}
        self._restarts: dict[str, int] = {}
        self._log = BoundedLog(logger("edge.upload").bind(url=self._url))
        self._thread = threading.Thread(target=self._run, name="evidence-upload", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the store now: something new is in it."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End, in the middle of a file if need be; the next start goes on there."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._client.close()

    def drain(self, timeout_s: float) -> bool:
        """Wait until nothing is left to send; False when time ran out."""
        self.wake()
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and not self._stop.is_set():
            if self._store.next_pending() is None:
                return True
            self._stop.wait(0.05)
        return self._store.next_pending() is None

    def stats(self) -> UploadStats:
        """Figures as they are now."""
        with self._lock:
            return self._stats

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                file = self._store.next_pending()
                if file is None:
                    self._wake.wait(IDLE_S)
                    self._wake.clear()
                    self._store.expire()
                    continue
                done = self._send(file)
            except Exception as error:  # a fault of the disk or of ours must not end uploads
                self._log.warn("evidence upload failed", error=repr(error))
                self._note(failures=1)
                done = False
            if done:
                self._attempt = 0
                continue
            wait = reconnect_wait(
                self._attempt, self._first_wait_s, self._settings.retry_max_s, self._jitter
            )
            self._attempt += 1
            self._note(waiting=True)
            self._stop.wait(wait)
            self._note(waiting=False)

    def _send(self, file: Member) -> bool:
        """Send one file as far as it goes.

        Returns:
            Whether the next file may follow at once; False to wait first.
        """
        path = self._store.path(file.sha256)
        if not path.is_file() or path.stat().st_size != file.bytes:
            return self._set_aside(file, "missing on this disk, or cut off", damaged=True)
        fruitless = 0
        try:
            again = file.sha256 in self._restarts  # what the server holds of it is wrong
            answer = Answer(Verdict.GO_ON, 0) if again else self._ask(file)
            if answer.offset > self._held.get(file.sha256, 0):
                self._attempt = 0  # a bad line, but it moves
            self._held = {file.sha256: answer.offset}
            while not self._stop.is_set():
                offset = answer.offset
                if answer.verdict is Verdict.GO_ON:
                    answer = self._put(file, path, offset)
                elif answer.verdict is Verdict.ASK:
                    answer = self._ask(file)
                elif answer.verdict is Verdict.WHOLE:
                    return self._arrived(file)
                elif answer.verdict is Verdict.NEVER:
                    return self._refused(file, answer)
                else:
                    return self._put_off(file, answer.why)
                moved = answer.verdict is Verdict.GO_ON and answer.offset > offset
                fruitless = 0 if moved else fruitless + 1
                if fruitless >= FRUITLESS and answer.verdict in (Verdict.GO_ON, Verdict.ASK):
                    return self._put_off(file, f"no progress at byte {answer.offset}")
        except httpx.HTTPError as error:
            return self._put_off(file, f"{type(error).__name__}: {error}")
        return False

    def _ask(self, file: Member) -> Answer:
        response = self._client.head(f"{self._url}/{file.sha256}", headers=self._headers())
        return judge_head(response.status_code, response.headers, file.bytes)

    def _put(self, file: Member, path: Path, offset: int) -> Answer:
        digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        left = file.bytes - offset
        span = f"{offset}-{file.bytes - 1}" if left else "*"
        headers = {
            **self._headers(),
            "Content-Type": file.media_type,
            "Content-Length": str(left),
            "Content-Range": f"bytes {span}/{file.bytes}",
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        response = self._client.put(
            f"{self._url}/{file.sha256}", headers=headers, content=self._body(path, offset)
        )
        return judge_put(response.status_code, response.headers, file.bytes)

    def _body(self, path: Path, offset: int) -> Iterator[bytes]:
        rate = self._settings.bandwidth_kbps
        began, sent = self._monotonic(), 0
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK):
                yield chunk
                sent += len(chunk)
                self._note(sent_bytes=len(chunk))
                if rate is not None:
                    self._stop.wait(began + sent * 8 / (rate * 1000) - self._monotonic())
                if self._stop.is_set():
                    raise httpx.WriteError("stopped")

    def _headers(self) -> dict[str, str]:
        token = self._settings.token_file
        if token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {token.read_text(encoding='utf-8').strip()}"}
        except OSError as error:
            raise StoreError(f"{token}: {error.strerror}; evidence.token_file") from None

    def _arrived(self, file: Member) -> bool:
        self._store.mark_uploaded(file.sha256)
        self._restarts.pop(file.sha256, None)
        self._note(uploaded=1)
        return True

    def _refused(self, file: Member, answer: Answer) -> bool:
        """The server will not take the file: look whose fault it is."""
        if not self._store.is_intact(file.sha256):
            return self._set_aside(file, "its bytes here have changed", damaged=True)
        tries = self._restarts.get(file.sha256, 0)
        if answer.restart and tries < RESTARTS:
            self._restarts[file.sha256] = tries + 1
            return self._put_off(file, f"{answer.why}; sent again from its beginning")
        return self._set_aside(file, answer.why)

    def _set_aside(self, file: Member, why: str, *, damaged: bool = False) -> bool:
        self._store.mark_refused(file.sha256, why, damaged=damaged)
        self._restarts.pop(file.sha256, None)
        self._note(refused=1)
        return True

    def _put_off(self, file: Member, why: str) -> bool:
        self._log.warn("evidence upload is put off", sha256=file.sha256, role=file.role, why=why)
        self._note(failures=1)
        return False

    def _note(
        self,
        *,
        uploaded: int = 0,
        sent_bytes: int = 0,
        failures: int = 0,
        refused: int = 0,
        waiting: bool | None = None,
    ) -> None:
        with self._lock:
            now = self._stats
            self._stats = replace(
                now,
                uploaded=now.uploaded + uploaded,
                sent_bytes=now.sent_bytes + sent_bytes,
                failures=now.failures + failures,
                refused=now.refused + refused,
                waiting=now.waiting if waiting is None else waiting,
            )


def checked_url(settings: EvidenceSettings) -> str:
    """The address to send to, without a slash at its end.

    Raises:
        ConfigError: There is none, or it would carry recordings over a network in the clear.
    """
    if settings.upload_url is None:
        raise ConfigError("evidence.upload_url: missing; give the https:// address of the core")
    try:
        url = httpx.URL(settings.upload_url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"evidence.upload_url: {settings.upload_url}: {error}") from None
    if not url.host or url.query or url.fragment:
        raise ConfigError(
            f"evidence.upload_url: {settings.upload_url}: give a host and a path, nothing more"
        )
    if url.scheme != "https" and not settings.allow_http and not _is_loopback(url.host):
        raise ConfigError(
            f"evidence.upload_url: {settings.upload_url}: recordings would travel in the clear; "
            "use https://, or set evidence.allow_http when the way is safe by other means"
        )
    return settings.upload_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(settings: EvidenceSettings) -> ssl.SSLContext:
    """What proves the server to us, and us to the server.

    Raises:
        ConfigError: A certificate or key cannot be used.
    """
    if settings.key_file is not None and settings.cert_file is None:
        raise ConfigError("evidence.cert_file: missing; key_file needs the certificate beside it")
    key, at = "ca_file", settings.ca_file
    try:
        context = ssl.create_default_context(cafile=at)
        key, at = "cert_file", settings.cert_file
        if at is not None:
            context.load_cert_chain(at, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"evidence.{key}: {at}: {error}; give a PEM file") from None
    return context
