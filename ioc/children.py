"""Processes of a pool, which must not outlive the program that they work for."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

LOOK_S: Final = 1.0


def end_with(parent: int) -> None:
    """Called first in a process of a pool: it ends within a second when its parent does.

    A pool's processes wait for work for ever once their parent was killed: they hold both ends of
    the pipe that they wait on. The kernel's own means (PR_SET_PDEATHSIG) goes by the thread that
    started them, and pools start them from threads that end earlier.

    Args:
        parent: The parent's process number.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
