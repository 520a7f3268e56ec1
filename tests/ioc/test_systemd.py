from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ioc.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(0.2)
        yield server


def heard(server: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(server.recv(4096).decode())
        except TimeoutError:
            return said


def test_the_manager_hears_ready_with_one_line_of_status(
    manager: socket.socket, tmp_path: Path
) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}).ready("2 cameras\nrunning")
    (said,) = heard(manager)
    assert said.splitlines() == ["READY=1", "STATUS=2 cameras running", f"MAINPID={os.getpid()}"]


def test_the_watchdog_is_fed_at_a_third_of_its_period(
    manager: socket.socket, tmp_path: Path
) -> None:
    now = 100.0
    notifier = Notifier(
        {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}, lambda: now
    )
    for _ in range(21):  # 2 seconds in steps of 0.1
        notifier.alive()
        now += 0.1
    assert heard(manager) in (["WATCHDOG=1"] * 2, ["WATCHDOG=1"] * 3)


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}]
)
def test_without_a_manager_nothing_is_sent_and_nothing_breaks(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    assert notifier.watchdog_s is None
    notifier.ready("x")
    notifier.reloading()
    notifier.alive()
    notifier.stopping()


def test_a_manager_that_is_gone_breaks_nothing(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("x")
