"""Do the lock files meet every requirement of pyproject.toml? Exit code 1 names what not.

Resolves nothing and needs no network: it compares names and versions.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKED_EXTRAS = ("embedded", "sim", "dev")
BESIDE = ("requirements-headless.lock", "requirements-weights.lock")
"""Locks of packages that are installed without their dependencies."""
HASHED = re.compile(
    r"^[^#\s].*?==.*?\\\n(?:\s+--hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+", re.MULTILINE
)
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def main() -> int:
    """Compare and report."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in LOCKED_EXTRAS:
        wanted += project["optional-dependencies"][extra]
    text = (ROOT / "requirements.lock").read_text()
    locked: dict[str, list[str]] = {}
    for name, version in PIN.findall(text):
        locked.setdefault(canonicalize_name(name), []).append(version)
    faults = [
        f"{line}: requirements.lock has {', '.join(versions) or 'no version'}"
        for line in wanted
        for requirement in [Requirement(line)]
        for versions in [locked.get(canonicalize_name(requirement.name), [])]
        if not versions or not all(requirement.specifier.contains(v) for v in versions)
    ]
    faults += [f"requirements.lock names a place: {place}" for place in _places(text)]
    for name in BESIDE:
        beside = (ROOT / name).read_text()
        if not PIN.findall(beside) or len(HASHED.findall(beside)) != len(PIN.findall(beside)):
            faults.append(f"{name}: a package lacks its version or its hashes")
        faults += [f"{name} names a place: {place}" for place in _places(beside)]
    for fault in faults:
        print(f"{fault}; run 'make lock'", file=sys.stderr)
    return 1 if faults else 0


def _places(text: str) -> list[str]:
    """Addresses and paths, which would tie the lock to one network or machine."""
    return re.findall(r"(?:https?|file)://\S+|^\s*(?:-i|--\w*index\w*|--find-links).*$", text, re.M)


if __name__ == "__main__":
    sys.exit(main())
