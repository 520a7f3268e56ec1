"""Where a camera's events go: to the publisher, to a file, or both with the same identities."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from edge.spool_file import SpoolError
from ioc.clock import Clock, utc_now
from ioc.decode import ContractError
from ioc.errors import ConfigError
from ioc.events import EVENT_OF_PAYLOAD, NumberedEvent, Payload, encode, type_of
from ioc.ids import uuid7
from ioc.telemetry import logger
from ioc.topics import DevicePath

if TYPE_CHECKING:
    from edge.publisher import Publisher


class EventFile:
    """A JSON Lines file of events, one a line; the cameras of a node share it."""

    def __init__(self, path: Path) -> None:
        """Open the file; an older one is replaced.

        Raises:
            ConfigError: It cannot be written.
        """
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise ConfigError(f"--out {path}: {error.strerror}; choose another file") from None

    def write(self, event: NumberedEvent) -> None:
        """Append an event, so that it is there whatever happens next to this process."""
        self._file.write(encode(event) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Outlet:
    """Mints one camera's events and hands them on.

    Attributes:
        minted: Event type → how many.
        failed: Events that could not be stored for publishing.
    """

    def __init__(
        self,
        path: DevicePath,
        out: EventFile | None = None,
        publisher: Publisher | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Begin a boot of the camera.

        Args:
            path: The device that speaks.
            out: File to write, too.
            publisher: A started publisher, which then numbers the events.
            clock: For the ids.
        """
        self.minted: Counter[str] = Counter()
        self.failed = 0
        self._path = path
        self._publisher = publisher
        self._clock = clock
        self._bootid: UUID = uuid7(clock())
        self._sequence = 0
        self._log = logger("vision.outlet")
        self._file = out

    def put(self, data: Payload, time: datetime) -> None:
        """Mint one event.

        A full spool must not stop the camera, so a failure to store is counted and logged.

        Args:
            data: What to say.
            time: When it happened.
        """
        try:
            event = self._mint(data, time)
            if self._file is not None:
                self._file.write(event)
        except (ContractError, SpoolError, OSError) as error:
            self.failed += 1
            self._log.error("event not stored", error=str(error), kind=type(data).__name__)
            return
        self.minted[type_of(event)] += 1

    def _mint(self, data: Payload, time: datetime) -> NumberedEvent:
        if self._publisher is not None:
            return self._publisher.publish(data, time=time)
        event: NumberedEvent = EVENT_OF_PAYLOAD[type(data)](  # type: ignore[assignment, call-arg]
            specversion="1.0",
            id=uuid7(self._clock()),
            source=self._path.source,
            time=time,
            bootid=self._bootid,
            sequence=self._sequence,
            data=data,
        )
        self._sequence += 1
        return event
