"""Mosquitto, as Debian has it or tuned as in production."""

from __future__ import annotations

from measure.bench.mosquitto import Mosquitto

__all__ = ["Mosquitto"]
