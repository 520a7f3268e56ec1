"""A virtual camera for tests: the child's real side with pictures that cost nothing to make.

Run as ``python -m tests.vision.virtual MODE``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from simulator.stream import Image, run_stream

RATE = 25.0
SIZE = (64, 96)


def pictures(last: int | None = None) -> Iterator[Image]:
    """A white bar that moves a column a picture."""
    number = 0
    while number != last:
        image = np.full((*SIZE, 3), 40, np.uint8)
        image[:, number % SIZE[1]] = 255
        yield image
        number += 1


def falls_silent() -> Iterator[Image]:
    yield from pictures(10)
    time.sleep(3600)


def hangs_at_once() -> Iterator[Image]:
    """After one picture it writes no more, so no broken pipe can end it."""
    yield from pictures(1)
    time.sleep(3600)


def prints_as_it_goes() -> Iterator[Image]:
    for image in pictures():
        print("a library that prints to standard output", flush=True)
        yield image


MODES: dict[str, Callable[[], Iterator[Image]]] = {
    "plays": pictures,
    "falls-silent": falls_silent,
    "hangs": hangs_at_once,
    "prints": prints_as_it_goes,
    "ends": lambda: pictures(10),
}

if __name__ == "__main__":
    run_stream(lambda: (RATE, MODES[sys.argv[1]]()))
