"""How far clocks are off: the node's own, as the kernel knows it, and a camera's beside it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from ioc.events import ClockRef
from ioc.kernel_clock import STA_NANO, STA_UNSYNC, TIME_ERROR, Adjtimex, Timex, adjtimex

SAMPLES: Final = 128
"""Pictures that a camera's offset is taken over, one a second at most: two minutes."""


@dataclass(frozen=True, slots=True)
class NodeClock:
    """What the kernel knows of this machine's clock.

    Attributes:
        synchronised: Whether a time service (chrony, systemd-timesyncd, ntpd) keeps it.
        offset_ms: How far it is ahead of the service's time, as far as not yet mended.
        max_error_ms: It is off by no more than this.
    """

    synchronised: bool
    offset_ms: float
    max_error_ms: float

    def reference(self) -> ClockRef:
        """What an event says of the clock that stamped it; no offset where nobody keeps it."""
        if not self.synchronised:
            return ClockRef(source="none")
        return ClockRef(source="ntp", offset_ms=round(self.offset_ms, 3))


def node_clock(ask: Adjtimex = adjtimex) -> NodeClock:
    """Ask the kernel, which needs no rights; a few microseconds.

    Args:
        ask: The system call, for tests another.
    """
    answer = Timex()
    state = ask(answer)
    if state < 0:
        return NodeClock(synchronised=False, offset_ms=0.0, max_error_ms=0.0)
    unit = 1e-6 if answer.status & STA_NANO else 1e-3
    # The kernel gives what it has yet to add to the clock; the clock is off by the opposite.
    offset = -answer.offset * unit if answer.offset else 0.0
    kept = state != TIME_ERROR and not answer.status & STA_UNSYNC
    return NodeClock(kept, offset, answer.maxerror * 1e-3)


@dataclass(frozen=True, slots=True)
class CameraOffset:
    """How far a camera's clock is from the node's.

    Attributes:
        offset_ms: Camera less node. The shortest way of a picture (exposure, coding, network) is
            in it, some 50 to 300 ms, by which the camera seems to be behind.
        spread_ms: Between the shortest and the middling way: how sure it is.
        samples: Pictures it was taken over.
    """

    offset_ms: float
    spread_ms: float
    samples: int


class CameraClock:
    """Gathers a camera's own wall times, from RTCP sender reports, beside the node's.

    Event times are not the camera's: the node's clock is kept by NTP, and a camera's battery
    seldom is. The offset is kept so that an overlay in the picture can be explained.
    """

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=SAMPLES)
        self._last_s = float("-inf")

    def observe(self, camera_s: float, node_s: float) -> None:
        """Take note of a picture.

        Args:
            camera_s: When the camera says that it was taken, Unix seconds.
            node_s: When it arrived by the node's clock, Unix seconds.
        """
        if 0 <= node_s - self._last_s < 1:
            return
        self._last_s = node_s
        self._delays.append(node_s - camera_s)

    def reset(self) -> None:
        """The camera was connected anew, and may have set its clock."""
        self._delays.clear()
        self._last_s = float("-inf")

    def offset(self) -> CameraOffset | None:
        """The offset, or None while the camera has not said its time."""
        delays = sorted(self._delays)
        if not delays:
            return None
        spread = delays[len(delays) // 2] - delays[0]
        return CameraOffset(round(-delays[0] * 1000, 1), round(spread * 1000, 1), len(delays))
