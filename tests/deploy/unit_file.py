"""A unit of systemd as its manager would run it, as far as the tests go."""

from __future__ import annotations

import shlex
from collections import defaultdict
from pathlib import Path


class UnitFile:
    """The settings of a unit and its drop-ins, with an instance put in.

    Args:
        root: Below which the system's folders are.
        name: Such as ``ioc-edge@site.service``.
    """

    def __init__(self, root: Path, name: str) -> None:
        stem, _, instance = name.removesuffix(".service").partition("@")
        folder = root / "etc/systemd/system"
        files = [folder / f"{stem}@.service", *sorted((folder / f"{name}.d").glob("*.conf"))]
        self.root = root
        self._settings: dict[str, list[str]] = defaultdict(list)
        for file in files:
            for line in file.read_text().splitlines():
                key, sign, value = line.partition("=")
                if not sign or line.startswith("#"):
                    continue
                if value:
                    self._settings[key].append(value.replace("%i", instance))
                else:  # an empty value takes back what was said before
                    self._settings[key].clear()

    def all(self, key: str) -> list[str]:
        """Every value of a setting."""
        return self._settings[key]

    def one(self, key: str) -> str:
        """A setting's only value."""
        (value,) = self._settings[key]
        return value

    def command(self) -> list[str]:
        """What is started, with the system's folders below the root."""
        return [self._below(word) for word in shlex.split(self.one("ExecStart"))]

    def environment(self) -> dict[str, str]:
        """Its variables, those of its files last."""
        found = dict(
            word.split("=", 1) for line in self.all("Environment") for word in line.split()
        )
        for name in self.all("EnvironmentFile"):
            file = Path(self._below(name.removeprefix("-")))
            if file.exists():
                found |= dict(line.split("=", 1) for line in file.read_text().splitlines())
        return {key: self._below(value) for key, value in found.items()}

    def _below(self, text: str) -> str:
        known = ("/opt/ioc", "/etc/ioc", "/var/lib/ioc")
        return f"{self.root}{text}" if text.startswith(known) else text
