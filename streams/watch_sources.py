"""Things that the watcher looks at on its own machine and by the network, each on its own.

A source gives values or raises; whoever asks sets the limit of time. What may block a thread, such
as the disk of a server that is gone, does so in a thread of its own, one at a time.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import psutil
from cryptography import x509

from ioc.errors import ConfigError
from ioc.kernel_clock import Timex, adjtimex
from ioc.watch_settings import WatchSettings, address_of
from streams.metrics_page import MOST_BYTES, PageError, read_page
from streams.watched import DOWN, OVER_S, UP, Value, Watched
from streams.watched_host import certificate_days, clock_of_chrony, clock_of_kernel, disk

SLOW_S: Final = 60.0
"""How often that is looked at which changes slowly: disks, certificates, the clock."""

_PEM_BYTES: Final = 2**20
_CHRONY_BYTES: Final = 4096
_Result = TypeVar("_Result")


class SourceError(Exception):
    """Something cannot be looked at; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that is looked at.

    Attributes:
        name: For logs and counts.
        part: Of its figures.
        look: Gives its values; raises where there are none.
        down: What is written when it raises or takes too long.
        every_s: Seconds between looks; 0: at every one.
    """

    name: str
    part: str
    look: Callable[[], Awaitable[list[Value]]]
    down: tuple[Value, ...] = ()
    every_s: float = 0.0


class Aside:
    """Calls that may block, in a thread of their own which nobody waits for in the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._under_way: Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._under_way is not None and not self._under_way.done()

    async def call(self, work: Callable[[], _Result]) -> _Result:
        """Do it; whoever gives up waiting leaves the thread behind, but never two of them.

        Raises:
            SourceError: The call before has not ended.
        """
        if self.busy:
            raise SourceError("the look before has not ended")
        future: Future[_Result] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can cancel it

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._under_way = future
        threading.Thread(target=run, name=self._name, daemon=True).start()
        return await asyncio.wrap_future(future)


class Pages:
    """Fetches the pages of the parts; use as ``async with``.

    Args:
        settings: Certificates and limits.

    Raises:
        ConfigError: The CA certificate cannot be read.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._over_s = max(OVER_S, settings.interval_s)
        verify: ssl.SSLContext | bool = True
        if settings.ca_file is not None:
            try:
                verify = ssl.create_default_context(cafile=settings.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(
                    f"watch.ca_file {settings.ca_file}: {error.strerror or 'no certificate'}; "
                    "name a PEM file that this user may read"
                ) from None
        self._client = httpx.AsyncClient(
            timeout=settings.timeout_s, verify=verify, follow_redirects=False, trust_env=False
        )

    async def __aenter__(self) -> Pages:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()

    def source(self, name: str, url: str) -> Source:
        """A part behind a page."""
        watched = Watched(self._over_s)

        async def look() -> list[Value]:
            text = await self._text(url)
            if not httpx.URL(url).path.endswith("/metrics"):
                return [UP]  # a page that says by its status that all is well
            try:
                return watched.look(read_page(text), time.monotonic(), time.time())
            except PageError as error:
                raise SourceError(str(error)) from None

        return Source(f"part {name}", name, look, (DOWN,))

    async def _text(self, url: str) -> str:
        """A page, bounded; never unpacked, so that a small answer stays one."""
        kept = bytearray()
        headers = {"Accept-Encoding": "identity"}
        async with self._client.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise SourceError(f"answered {answer.status_code}")
            async for piece in answer.aiter_raw():
                kept += piece
                if len(kept) > MOST_BYTES:
                    raise SourceError(f"a page of more than {MOST_BYTES} bytes")
        return kept.decode("utf-8", "replace")


def host_sources(settings: WatchSettings) -> Iterator[Source]:
    """Everything on this machine: load, disks, clock, certificates."""
    part = f"host:{settings.name}"
    yield Source("machine", part, _machine)
    yield Source("clock", part, _Clock().look, (), SLOW_S)
    for name, folder in settings.folders.items():
        yield Source(f"folder {name}", part, _folder(name, folder), (), SLOW_S)
    for name, place in settings.certificates.items():
        down = (Value("certificate_up", 0.0, "", name),)
        yield Source(f"certificate {name}", part, _certificate(name, place), down, SLOW_S)


async def _machine() -> list[Value]:
    memory = psutil.virtual_memory()
    return [
        UP,
        Value("cpu_used_share", psutil.cpu_percent() / 100, "ratio"),
        Value("memory_used_share", 1 - memory.available / memory.total, "ratio"),
    ]


def _folder(name: str, folder: Path) -> Callable[[], Awaitable[list[Value]]]:
    aside = Aside(f"watch-{name}")

    async def look() -> list[Value]:
        usage = await aside.call(lambda: psutil.disk_usage(str(folder)))
        return list(disk(name, usage.used, usage.free))

    return look


def _certificate(name: str, place: str) -> Callable[[], Awaitable[list[Value]]]:
    address, aside = address_of(place), Aside(f"watch-{name}")

    async def look() -> list[Value]:
        try:
            if address is not None:
                chain = [x509.load_der_x509_certificate(await _peer(*address))]
            else:
                data = await aside.call(lambda: _read(Path(place)))
                chain = x509.load_pem_x509_certificates(data)
        except ValueError:
            raise SourceError(f"{place} holds no certificate that can be read") from None
        days = certificate_days(chain, datetime.now(UTC))
        return [
            Value("certificate_up", 1.0, "", name),
            Value("certificate_days", days, "d", name),
        ]

    return look


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_PEM_BYTES)


async def _peer(host: str, port: int) -> bytes:
    """The certificate that a server shows; nothing is said to it, so it need not be trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if not shown:
        raise SourceError("the server shows no certificate")
    return bytes(shown)


class _Clock:
    """The machine's clock, as chrony tells of it, else as the kernel does."""

    def __init__(self) -> None:
        self._chronyc = shutil.which("chronyc")

    async def look(self) -> list[Value]:
        if self._chronyc is not None:
            found = clock_of_chrony(await self._ask(self._chronyc))
            if found:
                return list(found)
        timex = Timex()
        return list(clock_of_kernel(adjtimex(timex), timex.status, timex.offset))

    async def _ask(self, chronyc: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(chronyc, "-c", "tracking"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            answer = await process.stdout.read(_CHRONY_BYTES)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        return answer.decode("ascii", "replace")
