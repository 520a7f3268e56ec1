"""What a production machine installs: all that our packages want, pinned, and nothing for tests."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers import ROOT

LEFT_TO_ANOTHER = "opencv-python"
"""Comes as requirements-headless.lock."""


def _printed(*names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "production_lock.py"), *names],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def _names(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


def _wanted() -> set[str]:
    """What the installed packages say that they want, here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo = [Requirement(line) for line in project["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        one = todo.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            lines = requires(one.name) or []
        except PackageNotFoundError:  # the build without windows stands in for it
            assert one.name == LEFT_TO_ANOTHER
            lines = []
        for line in lines:
            more = Requirement(line)
            extras = ("", *one.extras)
            if more.marker is None or any(more.marker.evaluate({"extra": e}) for e in extras):
                todo.append(more)
    return {name for name, _ in seen}


def test_it_is_everything_that_is_wanted_and_nothing_for_development() -> None:
    found = _names(_printed().stdout)
    assert _wanted() - {LEFT_TO_ANOTHER} <= found
    assert found.isdisjoint({"pytest", "ruff", "mypy", "playwright", "iotcore", "torch"})
    elsewhere = found - _wanted()
    assert elsewhere <= {"colorama"}, "only what another system wants may be too much"


def test_every_line_has_its_hashes() -> None:
    text = _printed().stdout
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 80
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
        assert not block.rstrip().endswith("\\"), block


def test_it_follows_other_roots_and_refuses_what_is_not_locked() -> None:
    assert "hatchling" in _names(_printed("hatchling").stdout)
    assert "faust-streaming" not in _names(_printed("hatchling").stdout)
    for arguments, code in ((("no-such-package",), 1), (("--help",), 2)):
        done = _printed(*arguments)
        assert (done.returncode, done.stdout) == (code, "")
    assert "make lock" in _printed("no-such-package").stderr
