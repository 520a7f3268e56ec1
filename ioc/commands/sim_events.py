"""``ioc sim events``: what the devices of a site would say, to a file or to a broker."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TypedDict
from urllib.parse import urlsplit

import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from ioc.settings import MqttSettings
    from ioc.site import Site

PROGRESS_S = 10.0
"""Where nobody watches a terminal, a line comes this often."""
SETTLE_S = 10.0
"""At the end the broker gets so long to take what is under way."""
MOST_RATE = 600.0
"""Above this virtual devices would skip readings: they are asked ten times a second."""


def events(
    site_files: Annotated[
        list[Path], typer.Argument(metavar="SITE.yaml…", help="Site files, whose devices speak.")
    ],
    seed: Annotated[int, typer.Option(help="Makes another world; the same seed the same one.")] = 1,
    length: Annotated[
        str | None,
        typer.Option("--for", help="Length of the virtual time: 60s, 5m, 2h. Left out, no end."),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            min=0, help="How fast time goes by: 1 as it does, 60 an hour in a minute, 0 at once."
        ),
    ] = 1.0,
    speed: Annotated[
        float,
        typer.Option(min=0.01, max=1000, help="Sensors and signals come so many times more often."),
    ] = 1.0,
    faults: Annotated[
        float,
        typer.Option(
            "--faults-per-day", min=0, max=100, help="How often a day each sensor goes wrong."
        ),
    ] = 2.0,
    start: Annotated[
        str | None,
        typer.Option(
            help="First event time, such as 2026-11-22T08:00:00+07:00. Left out, now; with another "
            "rate than 1, so that the time ends now."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Write JSON lines to this file, - is standard output (the default)."),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help="Publish to mqtt://HOST:PORT instead, each device with its own client."),
    ] = None,
) -> None:
    """Virtual cameras, signals and sensors speak: to a file, standard output or a broker.

    With --start and --for the same seed gives the same bytes. SIGINT and SIGTERM end it cleanly.
    To a broker the exit code is 1 when it did not take everything.
    """
    from ioc.commands.demo import seconds_of
    from ioc.site import load_site

    if out is not None and broker is not None:
        raise ConfigError("--out and --broker: give one of them; run it twice for both")
    sites = tuple(load_site(path) for path in site_files)
    names = [f"{site.city}/{site.site}" for site in sites]
    if len(set(names)) < len(names):
        raise ConfigError(f"SITE.yaml: a site is given twice: {', '.join(sorted(names))}")
    seconds = None if length is None else seconds_of(length)
    if rate == 0 and seconds is None:
        raise ConfigError("--rate 0 has no end of its own; give --for, such as --for 1h")
    begin = _begin(start, rate, seconds)
    world = _World(sites, begin, seed, seconds, rate, speed, faults)
    with _stopped() as stop:
        if broker is None:
            _write(world, out or "-", stop)
        else:
            _publish(world, broker, stop)


def _begin(start: str | None, rate: float, seconds: float | None) -> datetime:
    """The first instant of the virtual time, in UTC."""
    from ioc.clock import utc_now

    if start is None:
        now = utc_now()
        if rate == 1 or seconds is None:
            return now
        ends_s = seconds / rate if rate else 0.0
        return now - timedelta(seconds=seconds - ends_s)
    try:
        at = datetime.fromisoformat(start)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise ConfigError(f"--start {start}: give date, time and zone: 2026-11-22T08:00:00+07:00")
    return at.astimezone(UTC)


@contextmanager
def _stopped() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second signal ends the process at once."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    before = [signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield stop
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


class _Options(TypedDict):
    seed: int
    speed: float
    faults_per_day: float


@dataclass(frozen=True, slots=True)
class _World:
    """What is to speak, from when, for how long, how fast."""

    sites: tuple[Site, ...]
    begin: datetime
    seed: int
    seconds: float | None
    rate: float
    speed: float
    faults_per_day: float

    @property
    def options(self) -> _Options:
        """What the devices are made with."""
        return {
            "seed": self.seed,
            "speed": self.speed,
            "faults_per_day": self.faults_per_day,
        }


class _Shown:
    """Progress on standard error: a line that is written over on a terminal, else now and then."""

    def __init__(self, seconds: float | None) -> None:
        self._whole = "" if seconds is None else f"/{seconds:.0f}"
        self._terminal = sys.stderr.isatty()
        self._next_s = time.monotonic() + (0.0 if self._terminal else PROGRESS_S)

    def tell(self, passed_s: float, count: int) -> None:
        now = time.monotonic()
        if now < self._next_s:
            return
        self._next_s = now + (0.2 if self._terminal else PROGRESS_S)
        text = f"{passed_s:.0f}{self._whole} s, {count} events"
        sys.stderr.write(f"\r{text}\033[K" if self._terminal else f"{text}\n")
        sys.stderr.flush()

    def end(self, text: str) -> None:
        sys.stderr.write(f"\r{text}\033[K\n" if self._terminal else f"{text}\n")


def _kinds(kinds: Counter[str]) -> str:
    named = (f"{count} {kind.split('.')[2]}" for kind, count in sorted(kinds.items()))
    return ", ".join(named) or "none"


def _write(
    world: _World,
    out: str,
    stop: threading.Event,
) -> None:
    """JSON lines to a file, at the pace of the virtual time."""
    from ioc.events import encode, type_of
    from simulator.devices.recording import recorded

    shown, kinds = _Shown(world.seconds), Counter[str]()
    began_s, passed_s = time.monotonic(), 0.0
    with ExitStack() as stack:
        file = _opened(out, stack)
        for now, said in recorded(world.sites, world.begin, **world.options):
            next_s = (now - world.begin).total_seconds()
            if world.seconds is not None and next_s > world.seconds:
                break
            wait_s = began_s + next_s / world.rate - time.monotonic() if world.rate else 0.0
            if stop.wait(wait_s) if wait_s > 0 else stop.is_set():
                break
            passed_s = next_s
            for event in said:
                file.write(encode(event) + b"\n")
                kinds[type_of(event)] += 1
            if world.rate:
                file.flush()
            shown.tell(passed_s, kinds.total())
    shown.end(f"{passed_s:g} s of {len(world.sites)} sites; events: {_kinds(kinds)}")


def _opened(out: str, stack: ExitStack) -> BinaryIO:
    """The file to write to."""
    if out == "-":
        return sys.stdout.buffer
    try:
        return stack.enter_context(Path(out).open("wb"))
    except OSError as error:
        raise ConfigError(
            f"--out {out}: {error.strerror}; give a file that can be written"
        ) from None


def _publish(
    world: _World,
    broker: str,
    stop: threading.Event,
) -> None:
    """Each device with its own spool and connection, as in the demo."""
    from tempfile import TemporaryDirectory

    from ioc.settings import EdgeSettings, load_settings
    from ioc.telemetry import configure_logs
    from simulator.devices.fleet import Fleet, devices_of

    if not 0 < world.rate <= MOST_RATE:
        raise ConfigError(f"--rate {world.rate:g}: to a broker from above 0 to {MOST_RATE:g}")
    settings = load_settings()
    mqtt = mqtt_of(broker, settings.mqtt)
    configure_logs(settings.telemetry, "sim")
    kinds, failed = Counter[str](), 0
    with TemporaryDirectory(prefix="ioc-sim-") as folder:
        edge = EdgeSettings(spool_dir=Path(folder))
        devices = devices_of(world.sites, lambda _: mqtt, edge, world.begin, **world.options)
        fleet = Fleet(devices, clock=_scaled(world.begin, world.rate))
        shown, began_s = _Shown(world.seconds), time.monotonic()
        fleet.start()
        try:
            until_s = None
            if world.seconds is not None:
                until_s = began_s + world.seconds / world.rate
            while not stop.is_set() and (until_s is None or time.monotonic() < until_s):
                left_s = 1.0 if until_s is None else max(0.0, until_s - time.monotonic())
                stop.wait(min(0.2, left_s))
                passed_s = (time.monotonic() - began_s) * world.rate
                shown.tell(passed_s, sum(device.minted.count for device in devices))
            fleet.silence()
            taken = _settled(lambda: [device.publisher.stats() for device in devices])
            for device in devices:
                kinds.update(device.minted.kinds)
                failed += device.path in fleet.failed
        finally:
            fleet.stop()
    shown.end(f"{len(devices)} devices; events: {_kinds(kinds)}; the broker took {taken}")
    if taken < kinds.total() or failed:
        where = f"{mqtt.host}:{mqtt.port}"
        typer.echo(
            f"ioc: {where} did not take {kinds.total() - taken} events, {failed} devices failed; "
            "is the broker there, and does it let these devices in?",
            err=True,
        )
        raise typer.Exit(1)


def mqtt_of(broker: str, base: MqttSettings) -> MqttSettings:
    """Settings for a broker's address; certificates and passwords stay those of the settings.

    Args:
        broker: ``mqtt://HOST[:PORT]``, ``mqtts://HOST[:PORT]``.
        base: The settings of this installation.

    Raises:
        ConfigError: It is no such address.
    """
    example = "give mqtt://HOST:PORT, or mqtts:// with mqtt.ca_file in the settings"
    parts = urlsplit(broker)
    if parts.password is not None or parts.username is not None:
        raise ConfigError(
            f"--broker mqtt://…@{parts.hostname}: no user or password in an address, where others "
            "read it; set mqtt.username and mqtt.password_file in the settings"
        )
    try:
        port = parts.port
    except ValueError:
        raise ConfigError(f"--broker {broker}: the port is none; {example}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise ConfigError(f"--broker {broker}: {example}")
    tls = parts.scheme == "mqtts"
    if tls and base.ca_file is None:
        raise ConfigError(f"--broker {broker}: TLS needs mqtt.ca_file in the settings; {example}")
    changes = {"host": parts.hostname, "port": port or (8883 if tls else 1883)}
    if not tls:
        changes |= {"ca_file": None, "cert_file": None, "key_file": None}
    return base.model_copy(update=changes)


def _scaled(begin: datetime, rate: float) -> Callable[[], datetime]:
    """A clock that begins at an instant and goes by at a rate."""
    began_s = time.monotonic()
    return lambda: begin + timedelta(seconds=(time.monotonic() - began_s) * rate)


def _settled(stats: Callable[[], Sequence[object]]) -> int:
    """Wait until the broker has answered for everything; how many events it took."""
    from edge.publisher import PublisherStats

    until = time.monotonic() + SETTLE_S
    while True:
        now = [each for each in stats() if isinstance(each, PublisherStats)]
        taken = sum(
            max(
                0, min(each.published, each.sent - each.resent) - each.unacknowledged - each.refused
            )
            for each in now
        )
        if taken >= sum(each.published for each in now) or time.monotonic() >= until:
            return taken
        time.sleep(0.05)
