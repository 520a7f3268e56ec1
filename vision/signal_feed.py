"""The signal controller's own words: from the broker while a node runs, from a file for a clip."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage

from ioc.clock import Clock, utc_now
from ioc.decode import ContractError, decode
from ioc.errors import ConfigError
from ioc.events import Phase, SignalEvent, StatusEvent
from ioc.mqtt import build_client
from ioc.settings import MqttSettings
from ioc.site import Site
from ioc.telemetry import logger
from ioc.topics import PREFIX

MOST_WAITING: Final = 1000
"""Changes kept for a camera that takes none: a head changes some 3 times a minute."""

MAX_BYTES: Final = 4096
"""A signal event takes about 400 bytes; one that is cut off here is no JSON any more."""


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """A head changed its light.

    Attributes:
        head: The signal head.
        phase: The light; ``unknown`` when the controller is gone.
        since: When it began, UTC.
    """

    head: str
    phase: Phase
    since: datetime


class SignalReader:
    """Turns the messages of a site's controllers into changes. Pure; keeps what a repeat needs."""

    def __init__(self, site: Site) -> None:
        self._heads = {signal.id: signal.heads for signal in site.signals}
        self._sources = {site.path(signal.id).source: signal.id for signal in site.signals}

    def read(self, raw: bytes, received: datetime | None) -> list[PhaseChange]:
        """The changes that a message tells.

        Args:
            raw: An event: ``signal.v1`` or ``status.v1`` of a controller.
            received: Now, UTC; None for a recording, where the event's own time counts. A
                controller that goes offline is unknown from then on: a light that nobody
                confirms must not be red for ever. (The last will carries the time of the
                connection, not that of its loss.)

        Raises:
            ContractError: It breaks the contract.
        """
        event = decode(raw)
        controller = self._sources.get(event.source)
        if controller is None:
            return []
        if isinstance(event, SignalEvent) and event.data.head in self._heads[controller]:
            return [PhaseChange(event.data.head, event.data.phase, event.data.since)]
        if isinstance(event, StatusEvent) and event.data.state == "offline":
            gone = received or event.time
            return [PhaseChange(head, "unknown", gone) for head in self._heads[controller]]
        return []


class SignalFeed:
    """Follows the controllers of one site over MQTT, for all cameras of a node.

    The events are retained, so the present light of every head comes at once.
    """

    def __init__(self, site: Site, mqtt: MqttSettings, clock: Clock = utc_now) -> None:
        """Prepare; ``start`` connects.

        Raises:
            ConfigError: The broker's certificates cannot be read.
        """
        self._reader = SignalReader(site)
        self._clock = clock
        self._filters = [
            (f"{PREFIX}/{site.city}/{site.site}/{signal.id}/{tail}", 1)
            for signal in site.signals
            for tail in ("state/signal", "status")
        ]
        self._queues: list[deque[PhaseChange]] = []
        self._latest: dict[str, PhaseChange] = {}
        self._lock = threading.Lock()
        self._log = logger("vision.signals").bind(site=site.site)
        self._client: Client = build_client(mqtt, f"ioc-signals-{site.city}-{site.site}")
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def queue(self) -> deque[PhaseChange]:
        """A queue of its own for one camera, which begins with what is known already."""
        with self._lock:
            queue: deque[PhaseChange] = deque(self._latest.values(), maxlen=MOST_WAITING)
            self._queues.append(queue)
        return queue

    def start(self) -> None:
        """Connect in the background; a missing broker is tried again for ever."""
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if not code.is_failure:
            client.subscribe(self._filters)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        # Nothing may be raised from here: paho would end its thread, and the lights with it.
        try:
            changes = self._reader.read(bytes(message.payload[:MAX_BYTES]), self._clock())
        except ContractError as error:
            self._log.warning("signal message left out", error=str(error))
            return
        self._hand_on(changes)

    def _hand_on(self, changes: list[PhaseChange]) -> None:
        with self._lock:
            for change in changes:
                self._latest[change.head] = change
                for queue in self._queues:
                    queue.append(change)


def read_signals(path: Path, site: Site) -> list[PhaseChange]:
    """The changes of a recording: one event a line (JSONL), as controllers publish them.

    Raises:
        ConfigError: The file cannot be read, or a line breaks the contract.
    """
    reader = SignalReader(site)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"--signals {path}: {error.strerror}; choose another file") from None
    changes: list[PhaseChange] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            changes += reader.read(line, None)
        except ContractError as error:
            raise ConfigError(f"--signals {path}: line {number}: {error}") from None
    return sorted(changes, key=lambda change: change.since)
