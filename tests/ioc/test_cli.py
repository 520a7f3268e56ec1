"""The command line: help everywhere, and a wrong configuration in one line with code 2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from ioc import __version__
from ioc.cli import app

COMMANDS = typer.main.get_command(app)
GROUPS = sorted(getattr(COMMANDS, "commands", {}))


def plain(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, arguments, env={"NO_COLOR": "1", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def run(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ioc.cli", *arguments],
        cwd=folder,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command() -> None:
    text = plain(["--help"])
    assert GROUPS
    for name in GROUPS:
        assert f" {name} " in text


@pytest.mark.parametrize("name", GROUPS)
def test_every_command_has_a_help_that_says_something(name: str) -> None:
    command = COMMANDS.commands[name]  # type: ignore[attr-defined]
    assert (command.help or "").strip()
    for inner_name, inner in getattr(command, "commands", {}).items():
        assert (inner.help or "").strip(), f"ioc {name} {inner_name}"
        shown = plain([name, inner_name, "--help"])
        assert "Usage" in shown
        # What stands in brackets would be taken for a colour, and be gone.
        said = [inner.help or "", *(getattr(one, "help", None) or "" for one in inner.params)]
        assert not [text for text in said if re.search(r"\[[a-z_.]+\]", text)], inner_name
    assert "Usage" in plain([name, "-h"])


def test_the_version() -> None:
    assert plain(["version"]) == f"{__version__}\n"


def test_an_unknown_command_is_wrong_use(tmp_path: Path) -> None:
    done = run(tmp_path, "ingst")
    assert done.returncode == 2
    assert "ingst" in done.stderr


def test_a_wrong_key_is_one_line_with_file_key_and_mend(tmp_path: Path) -> None:
    (tmp_path / "ioc.toml").write_text("[mqtt]\nprot = 1883\n")
    done = run(tmp_path, "ingest", "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ioc: ioc.toml: mqtt.prot: unknown key; did you mean 'port'?\n"


@pytest.mark.parametrize("command", [["streams", "run"], ["deadletter", "list"], ["db", "check"]])
def test_a_wrong_variable_is_one_line(tmp_path: Path, command: list[str]) -> None:
    done = run(tmp_path, *command, env={"IOC_DATABASE__POOL_SIZE": "many"})
    assert done.returncode == 2
    assert done.stderr.startswith(
        "ioc: environment variable IOC_DATABASE__POOL_SIZE: database.pool_size: "
    )
    assert done.stderr.count("\n") == 1


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path, "ingest", "run", env={"IOC_CONFIG": "nowhere.toml"})
    assert done.returncode == 2
    assert done.stderr == "ioc: nowhere.toml: no such file; IOC_CONFIG must name a TOML file\n"
