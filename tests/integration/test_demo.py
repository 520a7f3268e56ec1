"""``ioc demo``: the whole system in one command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.conftest import Ioc


@pytest.mark.slow
def test_the_demo_loses_nothing_and_says_so(ioc: Ioc, server_folder: Path) -> None:
    done = ioc("demo", "--for", "8s", "--dir", str(server_folder / "demo"), timeout_s=150)
    out = done.stdout.decode()
    assert done.returncode == 0, out + done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    figures = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"/ ([a-z ]+?) +([\d,]+)(?: |$)", out, re.MULTILINE)
    }
    assert figures["lost"] == 0
    assert figures["stored twice"] == figures["misjudged"] == figures["still in spools"] == 0
    assert figures["minted"] == figures["stored"] > 30
    assert figures["set aside"] == figures["bad input sent"] >= 20
    assert "balanced: every event is accounted for" in out


def test_a_length_that_is_too_short_is_wrong_use(ioc: Ioc) -> None:
    done = ioc("demo", "--for", "1s")
    assert done.returncode == 2
    assert done.stderr.decode() == "ioc: --for '1s': give at least 5s and at most 24h\n"
