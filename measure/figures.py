"""A published figure, and the one JSON object that every ``--json`` prints."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured number.

    Attributes:
        name: Stable name, such as ``ingest.rate``.
        value: The number.
        unit: Its unit, such as ``msg/s``.
        limit: What the same run measured as the most that could be had.
        ratio: ``value / limit``.
        low: Lower end of its interval.
        high: Upper end of its interval.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


def against(name: str, value: float, limit: float, unit: str) -> Figure:
    """A figure beside the limit of the same run.

    Raises:
        ValueError: The limit is no positive number, so that nothing was measured against.
    """
    if not limit > 0:
        raise ValueError(f"{name}: the limit is {limit} {unit}; it must be above 0")
    return Figure(name=name, value=value, unit=unit, limit=limit, ratio=value / limit)


def environment() -> dict[str, Any]:
    """What the figures were measured on: processor, cores, Python and the libraries that matter."""
    packages = {}
    for package in ("faust-streaming", "confluent-kafka", "paho-mqtt", "psycopg", "onnxruntime"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": packages,
    }


def print_figures(
    figures: Sequence[Figure], *, as_json: bool, about: Mapping[str, Any] | None = None
) -> None:
    """Print figures: one JSON object and nothing else, or a line each for people.

    Args:
        figures: What was measured.
        as_json: For a program.
        about: More of what they were measured on, beside ``environment()``.
    """
    if as_json:
        payload = {"figures": list(figures), "environment": {**environment(), **(about or {})}}
        sys.stdout.write(msgspec.json.encode(payload).decode() + "\n")
        return
    width = max((len(figure.name) for figure in figures), default=0)
    for figure in figures:
        line = f"{figure.name:<{width}}  {figure.value:>12,.3f} {figure.unit}"
        if figure.limit is not None and figure.ratio is not None:
            line += f"   {figure.ratio:.2f} of the limit of {figure.limit:,.3f} {figure.unit}"
        if figure.low is not None and figure.high is not None:
            line += f"   [{figure.low:,.3f} … {figure.high:,.3f}]"
        sys.stdout.write(line + "\n")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:  # noqa: PTH123 (not a path of ours)
            for line in info:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
