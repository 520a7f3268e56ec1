"""An LGSP adapter as a process of its own that is killed with ``kill -9`` at a chosen place.

``python -m tests.faults.lgsp_process CONFIG PLACE``: ``fetched`` is between the answer and the
first publish, ``half`` between the two publishes, ``published`` before the spool is synced,
``synced`` before what was told is noted, ``noted`` right after that.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.lgsp.adapter import Adapter
from edge.lgsp.config import load_config
from edge.lgsp.told import Told
from edge.publisher import Publisher
from ioc.events import ReadingData
from ioc.service import run_until_signal
from ioc.settings import load_settings

PLACES = ("fetched", "half", "published", "synced", "noted")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before(owner: type, name: str, when: Callable[[tuple[Any, ...]], bool]) -> None:
    whole = getattr(owner, name)

    def step(*args: Any, **more: Any) -> Any:
        if when(args):
            die()
        return whole(*args, **more)

    setattr(owner, name, step)


def arm(place: str) -> None:
    readings = 0

    def reading_is(number: int) -> Callable[[tuple[Any, ...]], bool]:
        def check(args: tuple[Any, ...]) -> bool:
            nonlocal readings
            readings += isinstance(args[1], ReadingData)
            return readings == number

        return check

    if place in ("fetched", "half"):
        kill_before(Publisher, "publish", reading_is(1 if place == "fetched" else 2))
    elif place == "published":
        kill_before(Publisher, "sync", lambda args: True)
    elif place == "synced":
        kill_before(Told, "note", lambda args: True)
    else:
        whole = Told.note

        def note(*args: Any) -> None:
            whole(*args)
            die()

        setattr(Told, "note", note)  # noqa: B010


if __name__ == "__main__":
    config = load_config(Path(sys.argv[1]))
    arm(sys.argv[2])
    run_until_signal("lgsp", lambda: Adapter(config, load_settings()))
