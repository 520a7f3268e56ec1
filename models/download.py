"""Fetches one file over HTTP into a part file that a broken, killed or repeated run goes on from.

Nothing that a server says is believed: the size is bounded, a range must be the range that was
asked for, a page of a login or of a proxy is told from a model, and whoever calls checks the digest
before the file gets its name.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from ioc import __version__
from models.part import Note, Part

Progress = Callable[[int, int | None], None]
"""Told the bytes that are there and the bytes of the whole, if known."""

GROWTH: Final = 1 << 16
"""Bytes beyond the most there ever were by which a try counts as progress."""


class SourceError(Exception):
    """A source does not give the file, and asking it again would not help. One line."""


class _PassingError(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a download.

    Attributes:
        tries: Tries in a row without progress. A line that breaks every few megabytes is served to
            the end; what begins anew each time, or gives nothing, is not.
        back_off_s: The first wait between tries is at most this, each next one twice as much.
        longest_wait_s: No wait is longer, whatever the server asks for.
        connect_s: Longest time for a connection.
        stall_s: Longest time without a byte.
        least_rate: Bytes a second, over ``stall_s``, below which a server counts as stalled.
        cap: Bytes that a file of unknown size may have; the largest of the manifest has 0.1 GB.
        redirects: Redirects of one request.
    """

    tries: int = 6
    back_off_s: float = 1.0
    longest_wait_s: float = 30.0
    connect_s: float = 15.0
    stall_s: float = 30.0
    least_rate: float = 512.0
    cap: int = 2 << 30
    redirects: int = 8


def shown(url: str) -> str:
    """An address without name and password, and without the query, which may hold a token."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else url


class Fetcher:
    """Fetches files, one at a time, over one client's connections."""

    def __init__(
        self,
        limits: Limits | None = None,
        tell: Callable[[str], None] = lambda line: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the client. Proxies and certificates are those of the environment.

        Args:
            limits: Bounds.
            tell: Told, in one line, of each fault after which it tries again.
            sleep: Waits some seconds.
            clock: Seconds, monotonic.
        """
        self.limits = limits or Limits()
        self._tell = tell
        self._sleep = sleep
        self._clock = clock
        self._client = httpx.Client(
            follow_redirects=True,
            max_redirects=self.limits.redirects,
            timeout=httpx.Timeout(self.limits.stall_s, connect=self.limits.connect_s),
            # Compressed on the way, offsets would no longer be those of the file.
            headers={"Accept-Encoding": "identity", "User-Agent": f"haugiang-ioc/{__version__}"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def fetch(self, url: str, part: Part, size: int | None, progress: Progress) -> None:
        """Fetch the rest of a file into its part.

        Args:
            url: The address.
            part: What was fetched before.
            size: Bytes that the file must have, if known.
            progress: Told of each chunk.

        Raises:
            SourceError: The source does not give the file.
            DiskError: It cannot be written.
        """
        limits = self.limits
        most, failed = part.size, 0
        while True:
            try:
                self._try(url, part, size, progress)
            except _PassingError as fault:
                failed = 1 if part.size - most >= GROWTH else failed + 1
                most = max(most, part.size)
                if failed >= limits.tries:
                    raise SourceError(f"{fault}; tried {failed} times in a row") from None
                # Full jitter: a whole province's nodes may come back at the same moment.
                back_off = random.uniform(0, limits.back_off_s * 2 ** (failed - 1))
                wait = min(limits.longest_wait_s, max(fault.wait_s, back_off))
                self._tell(f"{shown(url)}: {fault}; trying again in {wait:.1f} s")
                self._sleep(wait)
            else:
                return

    def _try(self, url: str, part: Part, size: int | None, progress: Progress) -> None:
        have = part.size
        if size is not None and have == size:
            return
        headers = _resume_headers(url, part, size)
        if not headers and have:
            part.empty()
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                self._take(answer, url, part, size, progress)
        except httpx.TooManyRedirects:
            raise SourceError("it redirects in a circle") from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise SourceError(f"no address to fetch from ({_short(error)})") from None
        except httpx.TimeoutException:
            raise _PassingError("no answer in time") from None
        except httpx.ProxyError as error:
            raise _PassingError(f"the proxy refuses ({_short(error)})") from None
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise SourceError(
                    "its certificate is not trusted; SSL_CERT_FILE may name the file of your own "
                    "authority"
                ) from None
            raise _PassingError(f"the connection broke ({_short(error)})") from None
        except httpx.HTTPError as error:
            raise SourceError(_short(error)) from None

    def _take(
        self, answer: httpx.Response, url: str, part: Part, size: int | None, progress: Progress
    ) -> None:
        _check_address(url, answer)
        have = part.size
        if answer.status_code == 416 and have:
            if _whole_of(answer) == have:
                return
            part.empty()
            raise _PassingError("the file there is another one by now; starting again")
        _check_status(answer)
        start, whole = _span(answer)
        if whole is not None and size is not None and whole != size:
            raise SourceError(f"it has {whole:,} bytes there, the manifest says {size:,}")
        if whole is not None and whole > self.limits.cap:
            raise SourceError(f"{whole:,} bytes, over the limit of {self.limits.cap:,}")
        if start != have or (start and size is None and whole != part.note.whole):
            # A server without ranges begins anew, and so does a file that is another one by now.
            part.empty()
            if start:
                raise _PassingError("the file there is another one by now; starting again")
        known = whole if whole is not None else size
        part.make_room((known or 0) - part.size)
        tag = answer.headers.get("ETag", "")
        # A weak tag says only that the file means the same, RFC 9110 section 13.1.5.
        mark = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
        part.describe(Note(url=shown(url), mark=mark, whole=whole))
        self._store(answer, part, known, progress)

    def _store(
        self, answer: httpx.Response, part: Part, known: int | None, progress: Progress
    ) -> None:
        have, most = part.size, known if known is not None else self.limits.cap
        since, counted = self._clock(), 0
        progress(have, known)
        # As it comes: in chunks of a size, what a broken connection brought last would be lost.
        for chunk in answer.iter_raw():
            if not have:
                _check_start(chunk)
            if have + len(chunk) > most:
                raise SourceError(f"it sends more than {most:,} bytes")
            part.write(chunk)
            have += len(chunk)
            counted += len(chunk)
            progress(have, known)
            now = self._clock()
            if now - since > self.limits.stall_s:
                if counted < self.limits.least_rate * (now - since):
                    raise _PassingError(f"only {counted} bytes in {now - since:.0f} s")
                since, counted = now, 0
        if known is not None and have < known:
            raise _PassingError(f"the connection ended after {have:,} of {known:,} bytes")
        if not have:
            raise SourceError("an empty file")


def _resume_headers(url: str, part: Part, size: int | None) -> dict[str, str]:
    """What asks for the rest of the file; nothing when it must be begun anew.

    A part from elsewhere, or without a mark of its version, is good for going on only when the
    manifest knows the size, and so the digest: what does not fit together is found then.
    """
    have, note = part.size, part.note
    if not have or (size is not None and have > size):
        return {}
    headers = {"Range": f"bytes={have}-"}
    if note.url == shown(url) and note.mark:
        return headers | {"If-Range": note.mark}
    return headers if size is not None else {}


def _check_address(url: str, answer: httpx.Response) -> None:
    hops = [response.url for response in answer.history] + [answer.url]
    if urlsplit(url).scheme == "https" and any(hop.scheme != "https" for hop in hops):
        raise SourceError("it redirects from https to plain http")


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status in (200, 206):
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise SourceError("a web page came, no model: a login page, or a proxy's notice")
        coding = answer.headers.get("Content-Encoding", "identity").lower()
        if coding != "identity":
            raise SourceError(f"it sends the file compressed ({coding[:20]}) though asked not to")
        return
    said = f"{status} {answer.reason_phrase}".strip()[:60]
    if status in (404, 410):
        raise SourceError(f"{said}: no such file there")
    if status in (401, 403, 407):
        raise SourceError(f"{said}: it wants a login, or keeps this network out")
    if status in (408, 425, 429) or status >= 500:
        after = answer.headers.get("Retry-After", "")
        raise _PassingError(said, float(after) if after.isdigit() and len(after) < 6 else 0.0)
    raise SourceError(said)


def _span(answer: httpx.Response) -> tuple[int, int | None]:
    """Where the answer begins in the file, and the bytes of the whole, if known."""
    if answer.status_code == 200:
        return 0, _number(answer.headers.get("Content-Length", ""))
    unit, _, rest = answer.headers.get("Content-Range", "").strip().partition(" ")
    start = _number(rest.partition("-")[0])
    if unit.lower() != "bytes" or start is None:
        raise SourceError("it answers 206 without saying which part of the file that is")
    return start, _whole_of(answer)


def _whole_of(answer: httpx.Response) -> int | None:
    return _number(answer.headers.get("Content-Range", "").rpartition("/")[2])


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _check_start(chunk: bytes) -> None:
    begin = chunk[:64].lstrip().lower()
    if begin.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise SourceError("a web page came, no model: a login page, or a proxy's notice")
    if begin.startswith(b"version https://git-lfs"):
        raise SourceError("a Git LFS pointer came, not the file itself")


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
