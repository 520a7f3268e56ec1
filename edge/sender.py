"""The sender: the one thread of a publisher, from the spool to the broker and back.

Order of things, which is what makes loss impossible: an event is marked as sent on disk, then
sent; a PUBACK only frees its place in the window; a receipt deletes it.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from paho.mqtt.client import Client

from edge.bounded_log import BoundedLog
from edge.connection import (
    Acknowledged,
    Closed,
    Connection,
    Happening,
    Opened,
    Received,
    Refused,
    Subscribed,
)
from edge.presence import STATUS_TAIL, set_will, status_event
from edge.receipts import settle
from edge.spool import Spool
from edge.spool_file import SpoolError
from edge.stored import Stored, as_replayed
from ioc.clock import Clock
from ioc.events import encode
from ioc.settings import EdgeSettings
from ioc.telemetry import logger
from ioc.topics import RECEIPT_TAIL, TAIL_OF, DevicePath

SYNC_EVERY_S: Final = 0.1
BATCH: Final = 64
"""Events taken from the spool at a time; between batches PUBACKs and receipts are read."""

_IDLE_S: Final = 0.5
_PAUSE_S: Final = 1.0
_HEADER_BYTES: Final = 400
"""Room for topic, ids and properties in a packet beside the payload; 330 at the longest names."""


class Sender:
    """Sends a spool's events. ``start``, ``wake`` and ``stop`` are for other threads.

    Attributes:
        changed: Notified when events have left the spool.
        connected: Whether the broker is there.
        unacknowledged: Publishes whose PUBACK is out.
        connects: Connections so far.
        sent: Publishes handed over.
        resent: Those that were not the first of their event.
        receipted: Events deleted by receipts.
        refused: Publishes answered with a failure, or too large for the broker.
        bad_receipts: Receipts that were wrong in some way.
    """

    def __init__(
        self,
        client: Client,
        spool: Spool,
        path: DevicePath,
        settings: EdgeSettings,
        versions: dict[str, str],
        clock: Clock,
    ) -> None:
        self.changed = threading.Condition()
        self.connects = self.sent = self.resent = 0
        self.receipted = self.refused = self.bad_receipts = 0
        self._client = client
        self._spool = spool
        self._path = path
        self._settings = settings
        self._versions = versions
        self._clock = clock
        self._connection = Connection(
            client,
            settings.reconnect_min_s,
            settings.reconnect_max_s,
            before_connect=self._set_will,
        )
        self._inflight: dict[int, Stored] = {}
        self._window = settings.inflight
        self._packet_maximum: int | None = None
        self._boundary = spool.last_row
        self._last_sync = 0.0
        self._dropped = sum(spool.dropped.values())
        self._quarantined = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"publisher-{path.key}", daemon=True)
        self._log = logger("edge.sender").bind(device=path.key)
        self._bounded = BoundedLog(self._log)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us."""
        return self._connection.connected

    @property
    def unacknowledged(self) -> int:
        """Publishes whose PUBACK is out."""
        return len(self._inflight)

    def start(self) -> None:
        """Begin to connect and send."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._connection.wake()

    def stop(self, timeout_s: float) -> None:
        """Say offline, disconnect, end the thread.

        Args:
            timeout_s: Longest wait; a thread that hangs in a connect ends by itself after it.
        """
        self._deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._connection.wake()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._log.warning("the broker did not answer in time; the will tells that we left")

    def _run(self) -> None:
        more = False
        while not self._stopping.is_set():
            try:
                for happening in self._connection.turn(0 if more else self._patience()):
                    self._handle(happening)
                more = self._connection.connected and self._fill()
                self._look_after_spool()
            except SpoolError as error:
                self._bounded.warn("the spool does not work; trying again", error=str(error))
                self._stopping.wait(_PAUSE_S)
            except Exception:
                # A fault of ours: the thread has to live on, and the events are on disk.
                self._log.exception("fault in the sender; trying again")
                self._stopping.wait(_PAUSE_S)
        try:
            self._leave()
        except Exception:
            self._log.exception("fault while leaving")
        finally:
            self._connection.close()

    def _patience(self) -> float:
        """How long to wait for the network before looking at the spool again, seconds."""
        idle = min(_IDLE_S, self._settings.resend_after_s / 4)
        return min(idle, SYNC_EVERY_S) if self._spool.unsynced else idle

    def _handle(self, happening: Happening) -> None:
        match happening:
            case Opened():
                self._opened(happening)
            case Closed(reason):
                self._log.info("connection lost", reason=reason)
                self._give_back()
            case Refused(reason):
                self._bounded.warn("no connection to the broker", reason=reason)
            case Acknowledged(mid, failure):
                self._acknowledged(mid, failure)
            case Received(topic, payload):
                self._received(topic, payload)
            case Subscribed(failure):
                if failure is not None:
                    self._log.error("receipts refused: the spool cannot empty", reason=failure)

    def _opened(self, opened: Opened) -> None:
        self.connects += 1
        self._log.info("connected", session=opened.session, waiting=self._spool.depth)
        self._window = min(self._settings.inflight, opened.receive_maximum)
        self._packet_maximum = opened.packet_maximum
        # All up to here had to wait for the link, so they go out as replayed.
        self._boundary = self._spool.last_row
        self._give_back()
        if not opened.session:
            self._spool.rewind()
        self._connection.subscribe(self._path.topic(RECEIPT_TAIL))
        self._say("online")

    def _give_back(self) -> None:
        rows = [stored.row for stored in self._inflight.values()]
        self._spool.send_again(rows)
        self._inflight.clear()

    def _acknowledged(self, mid: int, failure: str | None) -> None:
        stored = self._inflight.pop(mid, None)
        if failure is None:
            return
        self.refused += 1
        kind = "status" if stored is None else stored.kind
        self._bounded.warn("the broker refused an event; it stays", reason=failure, kind=kind)

    def _received(self, topic: str, payload: bytes) -> None:
        if topic != self._path.topic(RECEIPT_TAIL):
            self._bounded.warn("a message that nobody asked for", topic=topic[:200])
            return
        settlement = settle(payload, self._spool.issued())
        gone = unsent = 0
        if settlement.bootid is not None:
            gone, unsent = self._spool.forget(settlement.bootid, settlement.ranges)
        faults = list(settlement.faults)
        if unsent:
            faults.append(f"names {unsent} events that were never sent")
        if faults:
            self.bad_receipts += 1
            self._bounded.warn("odd receipt", faults=faults[:5])
        if gone:
            self.receipted += gone
            with self.changed:
                self.changed.notify_all()

    def _fill(self) -> bool:
        """Send a batch if there is room; returns whether there may be more to send at once."""
        room = self._window - len(self._connection.unanswered)
        if room <= 0 or self._connection.congested():
            return False
        limit = min(room, BATCH)
        waiting = {stored.row for stored in self._inflight.values()}
        batch = [
            stored
            for stored in self._spool.take(limit, time.monotonic(), self._settings.resend_after_s)
            if stored.row not in waiting  # overdue, but the broker has not even had the first
        ]
        for place, stored in enumerate(batch):
            if not self._send(stored):
                self._spool.send_again([rest.row for rest in batch[place:]])
                return False
        return bool(batch)

    def _send(self, stored: Stored) -> bool:
        """Hand one event over; returns False when the link is gone."""
        if (
            self._packet_maximum is not None
            and len(stored.payload) + _HEADER_BYTES > self._packet_maximum
        ):
            self.refused += 1
            self._bounded.warn(
                "an event is larger than the broker takes; it stays",
                bytes=len(stored.payload),
                broker_takes=self._packet_maximum,
            )
            return True
        again = stored.sends > 0
        late = stored.bootid != self._spool.bootid or stored.row <= self._boundary
        mid = self._connection.publish(
            self._path.topic(TAIL_OF[f"vn.ioc.{stored.kind}.v1"]),
            as_replayed(stored.payload) if again or late else stored.payload,
            # An old phase sent again must not replace the present one.
            retain=stored.kind == "signal" and stored.row >= self._spool.newest_signal,
            id=str(stored.id),
            bootid=str(stored.bootid),
            sequence=str(stored.sequence),
        )
        if mid is None:
            return False
        self._inflight[mid] = stored
        self.sent += 1
        self.resent += again
        return True

    def _look_after_spool(self) -> None:
        now = time.monotonic()
        if self._spool.unsynced and now - self._last_sync >= SYNC_EVERY_S:
            self._last_sync = now
            self._spool.sync()
        dropped = dict(self._spool.dropped)
        if sum(dropped.values()) != self._dropped:
            self._dropped = sum(dropped.values())
            self._bounded.warn("events dropped for want of room", in_all=dropped)
            with self.changed:
                self.changed.notify_all()
        broken = self._spool.quarantined
        for file in broken[self._quarantined :]:
            self._log.error("broken spool set aside; a new one is in use", file=str(file))
        self._quarantined = len(broken)

    def _set_will(self) -> None:
        event = status_event(
            self._path, self._spool.bootid, "offline", self._versions, self._clock()
        )
        set_will(self._client, self._path, event)

    def _say(self, state: str) -> int | None:
        event = status_event(
            self._path,
            self._spool.bootid,
            "online" if state == "online" else "offline",
            self._versions,
            self._clock(),
        )
        return self._connection.publish(self._path.topic(STATUS_TAIL), encode(event), retain=True)

    def _leave(self) -> None:
        if not self._connection.connected:
            return
        farewell = self._say("offline")
        while (
            farewell in self._connection.unanswered
            and self._connection.connected
            and time.monotonic() < self._deadline
        ):
            for happening in self._connection.turn(0.1):
                self._handle(happening)
        self._connection.disconnect()
        while self._client.socket() is not None and time.monotonic() < self._deadline:
            self._connection.turn(0.1)
