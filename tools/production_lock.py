"""Prints the part of requirements.lock that a production machine needs, with its hashes.

``python tools/production_lock.py`` follows the dependencies of pyproject.toml through the lock's
"via" comments and leaves out what only tests, demo and development want. With names, as
``python tools/production_lock.py hatchling``, it follows those instead. Needs no package and no
network, so that it can run before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITHOUT = "opencv-python"
"""Draws windows and wants libGL. A server takes the build of requirements-headless.lock."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package of the lock.

    Attributes:
        name: Normalised as PyPI does it.
        text: Its lines: version, marker, hashes.
        parents: Normalised names of the packages that want it.
    """

    name: str
    text: str
    parents: frozenset[str]


def normalised(name: str) -> str:
    """``Ruamel.Yaml`` → ``ruamel-yaml``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> list[Pinned]:
    """The packages of a lock that uv wrote with its annotations.

    Raises:
        ValueError: A package says neither its hashes nor who wants it.
    """
    packages = []
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        lines = block.splitlines()
        pin = [line for line in lines if not line.lstrip().startswith("#") and line.strip()]
        notes = [
            line.strip().removeprefix("#").strip() for line in lines if line.startswith("    #")
        ]
        parents = [note.removeprefix("via").strip() for note in notes]
        found = _NAME.match(block)
        if found is None or len(pin) < 2 or not any(note.startswith("via") for note in notes):
            raise ValueError(f"{lines[0]}: expected hashes and a comment 'via'; run 'make lock'")
        names = frozenset(normalised(parent.split(" ")[0]) for parent in parents if parent)
        packages.append(Pinned(normalised(found[0]), "\n".join(pin) + "\n", names))
    return packages


def needed(packages: list[Pinned], roots: set[str]) -> list[Pinned]:
    """The roots and everything that they want, directly or not, in the order of the lock.

    Raises:
        ValueError: A root is not in the lock.
    """
    missing = roots - {package.name for package in packages}
    if missing:
        raise ValueError(f"requirements.lock has no {', '.join(sorted(missing))}; run 'make lock'")
    found = set(roots)
    while True:
        more = {p.name for p in packages if p.name not in found and p.parents & found}
        if not more:
            return [package for package in packages if package.name in found]
        found |= more


def main(arguments: list[str]) -> int:
    """Print, or say what is wrong."""
    if any(argument.startswith("-") for argument in arguments):
        print("usage: production_lock.py [NAME …]", file=sys.stderr)
        return 2
    wanted = arguments
    if not wanted:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted = [found[0] for line in project["dependencies"] if (found := _NAME.match(line))]
    try:
        packages = read_lock((ROOT / "requirements.lock").read_text())
        kept = needed(packages, {normalised(name) for name in wanted})
    except ValueError as error:
        print(f"production_lock: {error}", file=sys.stderr)
        return 1
    sys.stdout.write("".join(package.text for package in kept if package.name != WITHOUT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
