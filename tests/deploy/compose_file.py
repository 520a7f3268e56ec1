"""``compose.yaml`` as Compose reads it: variables filled in, anchors resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.core_files import DEPLOY

COMPOSE = DEPLOY / "compose" / "compose.yaml"
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")


def read_env(path: Path) -> dict[str, str]:
    """The variables of an ``.env`` file."""
    lines = [line.split("=", 1) for line in path.read_text().splitlines() if "=" in line]
    return {name: value for name, value in lines if not name.startswith("#")}


def fill_in(value: Any, variables: Mapping[str, str]) -> Any:
    """Interpolate as Compose does, of its forms those that this file uses.

    Raises:
        KeyError: A variable that must be set is not.
    """

    def one(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "$"
        if variables.get(name):
            return variables[name]
        if found["kind"] == "-":
            return str(found["rest"])
        raise KeyError(name)

    if isinstance(value, dict):
        return {key: fill_in(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [fill_in(part, variables) for part in value]
    return _VARIABLE.sub(one, value) if isinstance(value, str) else value


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in."""
    filled: dict[str, Any] = fill_in(yaml.safe_load(COMPOSE.read_text()), variables)
    return filled


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine inside a container."""

    source: Path
    target: str
    read_only: bool


def mounts(service: Mapping[str, Any]) -> Iterator[Mount]:
    """The bind mounts of a service, with paths from the file's folder resolved."""
    for text in service.get("volumes", ()):
        source, target, *options = text.split(":")
        yield Mount((COMPOSE.parent / source).resolve(), target, "ro" in options)


def secrets(document: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Path]:
    """Where each secret of a service appears in it → the file that it is."""
    found = {}
    for entry in service.get("secrets", ()):
        given = {"source": entry, "target": entry} if isinstance(entry, str) else entry
        file = document["secrets"][given["source"]]["file"]
        found[f"/run/secrets/{given['target']}"] = Path(file)
    return found


def is_ours(service: Mapping[str, Any]) -> bool:
    """Whether it runs our own image."""
    return str(service["image"]).startswith("ioc-core:")
