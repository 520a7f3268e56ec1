"""Real servers for tests: each can be started, stopped, killed and restarted on its port.

``mosquitto``, ``kafka``: the production servers (marker ``service``).
``postgres``, ``embedded``: from wheels, for every run of the tests.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cache_folder() -> Path:
    """Where downloaded servers are kept, outside the checkout: ``IOC_CACHE`` or under ``~/.cache``.

    Created if need be.
    """
    base = os.environ.get("IOC_CACHE") or Path.home() / ".cache" / "haugiang-ioc"
    folder = Path(base)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
