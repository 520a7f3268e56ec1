"""Runs a command of the program in the test's own process."""

from __future__ import annotations

import sys

import pytest

from ioc.cli import main


def ioc(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit code of ``ioc`` with these words."""
    monkeypatch.setattr(sys, "argv", ["ioc", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
