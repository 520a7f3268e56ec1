"""One clock that never falls out of a camera's times that may stop, jump, restart or lie."""

from __future__ import annotations

import math
from typing import Final

JUMP_S: Final = 10.0
"""A stamp so much further on than the time that went by is a new clock, not a pause."""

WINDOW_S: Final = 10.0
"""Over a window the least delay is taken, so that bursts and hiccups of the network fall out."""

LIE: Final = 0.05
"""A camera clock that is wrong by more than this is scaled. Quartz is wrong by 0.0001; cameras
that state 25 frames a second, send 21, and stamp by what they state, by 0.19."""

AGREEMENT: Final = 0.03
"""Two windows in a row must say the same, so that a growing delay is not taken for a lie."""


class Timeline:
    """Maps a live stream's stamps to seconds since its first picture.

    The stream's own stamps give the distances, for the network's jitter is not in them. Arrival
    gives the rest: it bridges a lost connection or a clock that was set, and it finds out a clock
    that runs at another pace than time. Pure: times are handed in.
    """

    def __init__(self) -> None:
        self.rate = 1.0
        self._offset = 0.0
        self._fresh = True
        self._begun = False
        self._dts = 0.0
        self._now_s = 0.0
        self._arrival = 0.0
        self._window_from: float | None = None
        self._least = math.inf
        self._least_before: float | None = None
        self._slope: float | None = None

    def successor(self) -> Timeline:
        """The clock of the next connection, which goes on where this one is.

        A copy, so that a reader of the old connection that wakes up late does no harm.
        """
        after = Timeline()
        after._begun = self._begun
        after._now_s, after._arrival = self._now_s, self._arrival
        return after

    def step(self, pts: float | None, dts: float | None, arrival_s: float) -> None:
        """Take note of a packet, in the order of decoding.

        Args:
            pts: Its display stamp, seconds of the stream.
            dts: Its decoding stamp, seconds of the stream.
            arrival_s: Monotonic time at which it came.
        """
        elapsed = max(0.0, arrival_s - self._arrival) if self._begun else 0.0
        stamp = pts if dts is None else dts
        if stamp is None:
            # Without stamps arrival is the clock: as if this packet had the right one.
            stamp = pts = self._dts + elapsed / self.rate
        ahead = stamp - self._dts
        if self._fresh or ahead < 0 or ahead > elapsed + JUMP_S:
            self._offset = self._now_s + elapsed - self.rate * (stamp if pts is None else pts)
            self._fresh = False
            self._forget_windows()
        self._begun = True
        self._dts, self._arrival = stamp, arrival_s
        self._now_s = max(self._now_s, self.at(stamp))
        self._measure(arrival_s - self.at(stamp), arrival_s)

    def at(self, stamp: float | None) -> float:
        """Seconds since the first picture; of the last packet where there is no stamp."""
        return self._offset + self.rate * (self._dts if stamp is None else stamp)

    def _measure(self, delay: float, arrival_s: float) -> None:
        self._window_from = arrival_s if self._window_from is None else self._window_from
        if arrival_s - self._window_from < WINDOW_S:
            self._least = min(self._least, delay)
            return
        if self._least_before is not None:
            slope = (self._least - self._least_before) / (arrival_s - self._window_from)
            before, self._slope = self._slope, slope
            if before is not None and abs(slope - before) < AGREEMENT:
                self._adjust((slope + before) / 2)
        self._least_before, self._least, self._window_from = self._least, delay, arrival_s

    def _adjust(self, slope: float) -> None:
        """Set the pace right where it is wrong, without a leap at this instant."""
        true = self.rate / max(1 - slope, 0.01)
        if abs(slope) > LIE and 0.01 < true < 100:
            self._offset += (self.rate - true) * self._dts
            self.rate = true
            self._forget_windows()

    def _forget_windows(self) -> None:
        self._window_from = None
        self._least = math.inf
        self._least_before = self._slope = None
