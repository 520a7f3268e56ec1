"""The publisher: what a device calls to say something, and never loses what it said.

``publish`` numbers an event and puts it in the spool; one thread sends from there. The event
stays in the spool until a receipt says that the core has committed it.
"""

from __future__ import annotations

import threading
import time as wall
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from edge.connection import RECEIVE_MAXIMUM
from edge.presence import status_event
from edge.sender import Sender
from edge.spool import Spool
from edge.spool_file import SpoolError, spool_file
from edge.stored import LEVELS, PRIORITIES, kind_of
from ioc.clock import Clock, utc_now
from ioc.decode import ContractError, Reason, decode
from ioc.events import EVENT_OF_PAYLOAD, NumberedEvent, Payload, encode
from ioc.ids import uuid7
from ioc.mqtt import build_client
from ioc.settings import EdgeSettings, MqttSettings
from ioc.telemetry import logger
from ioc.topics import DevicePath, device_path

_MIB: Final = 2**20


class PublisherStoppedError(RuntimeError):
    """``publish`` was called before ``start`` or after ``stop``."""


@dataclass(frozen=True, slots=True)
class PublisherStats:
    """What a publisher has done since its start; figures of the spool are over all starts.

    Attributes:
        depth: Events in the spool, of this boot and earlier ones.
        bytes: What they take of the disk budget.
        published: Events taken by ``publish``.
        sent: Publishes handed to the broker.
        resent: Those of them that were not the first of their event.
        receipted: Events that the core has committed.
        refused: Publishes that the broker answered with a failure.
        bad_receipts: Receipts that were wrong in some way.
        dropped: Kind → events given up for room, over all starts.
        corrupt_files: Broken spool files set aside, over all starts.
        reconnects: Connections after the first.
        unacknowledged: Publishes whose PUBACK is out now.
        connected: Whether the broker is there now.
    """

    depth: int
    bytes: int
    published: int
    sent: int
    resent: int
    receipted: int
    refused: int
    bad_receipts: int
    dropped: Mapping[str, int]
    corrupt_files: int
    reconnects: int
    unacknowledged: int
    connected: bool


class Publisher:
    """Publishes for one device. Safe to use from several threads.

    Attributes:
        path: The device.
        bootid: This start of it; sequences count from 0 in it.
    """

    def __init__(
        self,
        path: DevicePath,
        mqtt: MqttSettings,
        settings: EdgeSettings,
        *,
        clock: Clock = utc_now,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is opened before ``start``.

        Args:
            path: The device.
            mqtt: The broker.
            settings: Spool, window and waits.
            clock: Time of events that come without one.
            versions: Software that the birth names, default this package.

        Raises:
            TopicError: The path has a name that topics do not allow.
            ContractError: A version is too long for the contract.
        """
        self.path = device_path(*path)  # it names a file, too
        self.bootid: UUID = uuid7(clock())
        self._mqtt = mqtt
        self._settings = settings
        self._clock = clock
        self._versions = dict(versions) if versions is not None else _own_version()
        decode(encode(status_event(path, self.bootid, "online", self._versions, clock())))
        self._state: Literal["new", "running", "stopped"] = "new"
        self._state_lock = threading.Lock()
        self._spool: Spool | None = None
        self._sender: Sender | None = None
        self._log = logger("edge.publisher").bind(device=path.key)

    def start(self) -> None:
        """Open the spool and connect in the background. A missing broker does not hold it up.

        Raises:
            ConfigError: The spool belongs to another process or cannot be made; a certificate
                or password cannot be read.
            PublisherStoppedError: It was started before.
        """
        with self._state_lock:
            if self._state != "new":
                raise PublisherStoppedError(f"{self.path.key}: start works once; make a new one")
            mqtt = with_own_certificate(self._mqtt, self._settings.cert_dir, self.path)
            client = build_client(mqtt, client_id(self.path), inflight=RECEIVE_MAXIMUM)
            spool = Spool(
                spool_file(self._settings.spool_dir, self.path),
                self.bootid,
                budget_bytes=int(self._settings.spool_budget_mb * _MIB),
                clock=self._clock,
            )
            self._spool = spool
            self._sender = Sender(
                client, spool, self.path, self._settings, self._versions, self._clock
            )
            self._sender.start()
            self._state = "running"

    def publish(
        self, data: Payload, *, time: datetime | None = None, event_id: UUID | None = None
    ) -> NumberedEvent:
        """Number an event and put it in the spool; it goes out as soon as the link allows.

        When this returns, the event survives the death of the process. A violation survives a
        power cut too; of the other kinds a power cut may take those of the last 0.1 s.

        Args:
            data: What to say.
            time: When it happened, timezone-aware; default now. Cut to milliseconds.
            event_id: For what may be said twice and must be one event then: an id that follows
                from it, as ``ioc.ids.derived_uuid7`` makes them. Left out, a fresh one.

        Returns:
            The event with its id, time, boot and sequence, which never change.

        Raises:
            ContractError: The data breaks the contract, or the event is too large; the core
                would only set it aside. No number is burnt.
            ValueError: ``time`` has no time zone.
            SpoolFullError: The disk is full and nothing less important is left to drop.
            SpoolError: The disk does not work.
            PublisherStoppedError: Not started, or stopped.
        """
        spool, sender = self._spool, self._sender
        if spool is None or sender is None or self._state != "running":
            when = "before start()" if self._state == "new" else "after stop()"
            raise PublisherStoppedError(f"{self.path.key}: publish() was called {when}")
        instant = _to_utc_ms(time if time is not None else self._clock())
        chosen = event_id if event_id is not None else uuid7(self._clock())
        event = spool.append(lambda sequence: self._wrap(data, instant, sequence, chosen))
        sender.wake()
        if PRIORITIES[kind_of(event)] == max(LEVELS):
            try:
                spool.sync()
            except SpoolError as error:
                # It is stored; an error here would make the caller publish it twice.
                self._log.error("cannot sync the spool", error=str(error))
        return event

    def sync(self) -> None:
        """Bring all that was published to the disk itself, so that a power cut spares it.

        For whoever promises others that it is safe here, and cannot wait for the receipt.

        Raises:
            SpoolError: The disk refuses.
            PublisherStoppedError: Not started, or stopped.
        """
        if self._spool is None or self._state != "running":
            raise PublisherStoppedError(f"{self.path.key}: sync() works from start() to stop()")
        self._spool.sync()

    def flush(self, timeout_s: float) -> bool:
        """Wait until every event in the spool has its receipt.

        Args:
            timeout_s: Longest wait, seconds.

        Returns:
            Whether the spool is empty.
        """
        spool, sender = self._spool, self._sender
        if spool is None or sender is None:
            return True
        deadline = wall.monotonic() + timeout_s
        with sender.changed:
            while spool.depth:
                left = deadline - wall.monotonic()
                if left <= 0 or not sender.changed.wait(left):
                    return spool.depth == 0
        return True

    def stop(self, *, timeout_s: float = 5) -> None:
        """Say offline, disconnect, close the spool with all that waits in it. Safe to call twice.

        Args:
            timeout_s: Longest wait for the broker, seconds.
        """
        with self._state_lock:
            self._state = "stopped"
            if self._sender is not None and self._spool is not None:
                self._sender.stop(timeout_s)
                self._spool.close()

    def stats(self) -> PublisherStats:
        """The figures as they are now."""
        spool, sender = self._spool, self._sender
        if spool is None or sender is None:
            return PublisherStats(0, 0, 0, 0, 0, 0, 0, 0, {}, 0, 0, 0, False)
        return PublisherStats(
            depth=spool.depth,
            bytes=spool.bytes,
            published=spool.issued().get(self.bootid, 0),
            sent=sender.sent,
            resent=sender.resent,
            receipted=sender.receipted,
            refused=sender.refused,
            bad_receipts=sender.bad_receipts,
            dropped=dict(spool.dropped),
            corrupt_files=spool.corrupt_files,
            reconnects=max(0, sender.connects - 1),
            unacknowledged=sender.unacknowledged,
            connected=sender.connected,
        )

    def _wrap(self, data: Payload, time: datetime, sequence: int, event_id: UUID) -> NumberedEvent:
        event: NumberedEvent = EVENT_OF_PAYLOAD[type(data)](  # type: ignore[assignment, call-arg]
            specversion="1.0",
            id=event_id,
            source=self.path.source,
            time=time,
            bootid=self.bootid,
            sequence=sequence,
            data=data,
        )
        try:
            decode(encode(event))
        except ContractError as error:
            # A clock that is years off is no reason to lose what the camera saw: the core keeps
            # the event aside with this reason, where a person sees it.
            if error.reason is not Reason.TIME_WINDOW:
                raise
        return event


def client_id(path: DevicePath) -> str:
    """The fixed MQTT client id of a device: ``city.site.device``.

    Dots, which names cannot hold, and not slashes: Mosquitto refuses ids with ``/`` in ``%c``
    access rules.
    """
    return ".".join(path)


def with_own_certificate(mqtt: MqttSettings, folder: Path | None, path: DevicePath) -> MqttSettings:
    """The broker's settings as this device uses them: with its own certificate, where it has one.

    Args:
        mqtt: The node's settings.
        folder: Of ``city.site.device.crt`` and ``.key``; None leaves the settings as they are.
        path: The device.
    """
    if folder is None:
        return mqtt
    name = client_id(path)
    return mqtt.model_copy(
        update={"cert_file": folder / f"{name}.crt", "key_file": folder / f"{name}.key"}
    )


def _to_utc_ms(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"time {instant.isoformat()} has no time zone; give UTC")
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _own_version() -> dict[str, str]:
    try:
        return {"haugiang-ioc": version("haugiang-ioc")}
    except PackageNotFoundError:
        return {}
