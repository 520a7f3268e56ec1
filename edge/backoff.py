"""How long to wait before trying again: exponential back-off, with and without jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Random = Callable[[], float]
"""Gives a number in [0, 1), as ``random.random`` does."""

RESEND_DOUBLINGS: Final = 5
"""A resend waits at most 2**5 = 32 times the first wait: 16 minutes at the default of 30 s."""


def reconnect_wait(attempt: int, shortest_s: float, longest_s: float, random: Random) -> float:
    """Seconds to wait before a reconnect: exponential back-off, drawn evenly over its window.

    Eighteen devices behind one router lose the broker in the same second. Doubling alone brings
    them all back in the same second again; a uniform draw spreads them over the whole window
    ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Args:
        attempt: How many tries have failed in a row, from 0.
        shortest_s: No wait is shorter.
        longest_s: No wait is longer, unless ``shortest_s`` is.
        random: Source of the jitter.
    """
    window = min(longest_s, shortest_s * 2.0 ** min(attempt + 1, 63))
    return shortest_s + max(0.0, window - shortest_s) * random()


def resend_wait(sends: int, first_s: float) -> float:
    """Seconds until an event without a receipt is sent again, doubling with each send.

    No jitter: the wait counts from each event's own send, so the resends are spread as the
    events were.

    Args:
        sends: How often the event has been sent, from 1.
        first_s: Wait after the first send.
    """
    return first_s * 2.0 ** min(max(sends - 1, 0), RESEND_DOUBLINGS)
