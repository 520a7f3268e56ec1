"""Receipts: tells each device which of its events the database holds.

Receipts go out at QoS 1 and may be lost all the same: the device then sends those events again,
the database recognises them, and a new receipt follows. So nothing here needs to be durable.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID, uuid4

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client

from ioc.mqtt import build_client
from ioc.receipt import Receipt, encode, ranges_of
from ioc.settings import MqttSettings
from ioc.telemetry import logger
from ioc.topics import RECEIPT_TAIL, DevicePath
from streams.counters import StreamCounters

FLUSH_S = 0.25
"""Seconds that receipts are gathered: one message a device instead of one a batch."""

MAX_WAITING = 200_000
"""Sequences kept while MQTT is away; beyond, the oldest device's are forgotten and come again."""

MAX_RANGES = 1000
"""Ranges in one message; at 20 bytes each it stays well under 64 KiB."""

Boot = tuple[DevicePath, UUID]


class ReceiptBook:
    """Committed sequences that no receipt has told yet, by device and boot."""

    def __init__(self) -> None:
        self._waiting: dict[Boot, set[int]] = defaultdict(set)
        self.forgotten = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, path: DevicePath, bootid: UUID, sequences: Iterable[int]) -> None:
        """Note sequences that the database holds."""
        self._waiting[path, bootid].update(sequences)

    def trim(self, limit: int = MAX_WAITING) -> None:
        """Forget the longest-waiting devices until at most ``limit`` sequences are left."""
        left = len(self)
        while left > limit:
            oldest = next(iter(self._waiting))
            count = len(self._waiting.pop(oldest))
            self.forgotten += count
            left -= count

    def take(self) -> list[tuple[DevicePath, Receipt]]:
        """All receipts that are due; they are no longer waiting."""
        receipts = []
        for (path, bootid), sequences in self._waiting.items():
            ranges = ranges_of(sequences)
            for start in range(0, len(ranges), MAX_RANGES):
                part = ranges[start : start + MAX_RANGES]
                receipts.append((path, Receipt(bootid=bootid, ranges=part)))
        self._waiting.clear()
        return receipts


class ReceiptSender:
    """Publishes the receipts of one worker.

    Args:
        settings: The MQTT broker that devices listen on.
        counters: What is counted.
    """

    def __init__(self, settings: MqttSettings, counters: StreamCounters) -> None:
        self.book = ReceiptBook()
        self._counters = counters
        self._log = logger("streams.receipts")
        # This client subscribes to nothing, so its session has nothing worth keeping.
        self._client: Client = build_client(
            settings.model_copy(update={"session_expiry_s": 0}), f"ioc-receipts-{uuid4().hex[:12]}"
        )

    async def run(self) -> None:
        """Send what is due, four times a second, until cancelled; then send the rest."""
        self._client.loop_start()
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                self.flush()
        finally:
            self.flush()
            with contextlib.suppress(OSError, ValueError):
                self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)

    def flush(self) -> None:
        """Send what is due, if MQTT is there."""
        if not self._client.is_connected():
            self.book.trim()
            return
        for path, receipt in self.book.take():
            info = self._client.publish(path.topic(RECEIPT_TAIL), encode(receipt), qos=1)
            if info.rc == MQTT_ERR_SUCCESS:
                self._counters.receipts += 1
            else:
                self._log.warning("a receipt was not sent", device=path.key, rc=int(info.rc))
