"""What the kernel knows of this machine's clock: adjtimex(2), which needs no rights to be asked."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Final

STA_UNSYNC: Final = 0x0040
"""No time service keeps the clock."""
STA_NANO: Final = 0x2000
"""The offset is in nanoseconds, else in microseconds."""
TIME_ERROR: Final = 5
"""The call's answer where the clock is not kept."""


class Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2) as Linux has it on 64-bit machines."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_char * 128),
    )


Adjtimex = Callable[[Timex], int]
"""Fills the structure in; the clock's state, or -1 when that is not allowed."""


def adjtimex(answer: Timex) -> int:
    """Ask; a few microseconds.

    Args:
        answer: Filled in; with ``modes`` 0 nothing is set.

    Returns:
        The clock's state, below 0 where the kernel does not tell.
    """
    if sys.platform != "linux":
        return -1
    try:
        return int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(answer)))
    except (OSError, AttributeError):  # a libc without it
        return -1
