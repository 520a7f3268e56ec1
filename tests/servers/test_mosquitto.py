"""What stock Mosquitto loses, and that our queues of production do not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ioc.local_process import ServerError
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt import Probe

pytestmark = pytest.mark.service
SENT = 1500


def _after_an_absence(server: Mosquitto, *, restart: bool, expected: int) -> tuple[bool, int]:
    """Queue 1501 messages for an absent session: is the session there, how many arrive?"""
    bridge = Probe(server.port, "bridge")
    bridge.subscribe("ioc/#")
    bridge.close()
    sender = Probe(server.port, "sender")
    for number in range(SENT):
        sender.client.publish("ioc/a", str(number), 1)
    sender.publish("ioc/last", "end")
    sender.close()
    if restart:
        server.restart()
    back = Probe(server.port, "bridge")
    back.wait(expected)
    time.sleep(0.5)  # would more come?
    back.close()
    return back.session_present, len(back.messages)


@pytest.mark.parametrize(
    ("tuned", "restart", "present", "arrive"),
    [
        (False, False, True, 1000),  # PUBACK for every one, the rest is dropped without a word
        (False, True, False, 0),
        (True, False, True, SENT + 1),
        (True, True, True, SENT + 1),
    ],
)
def test_what_an_absent_bridge_finds_when_it_is_back(
    tmp_path: Path, tuned: bool, restart: bool, present: bool, arrive: int
) -> None:
    server = Mosquitto(tmp_path, tuned=tuned)
    server.start()
    try:
        assert _after_an_absence(server, restart=restart, expected=arrive) == (
            present,
            arrive,
        )
    finally:
        server.stop()


def test_a_kill_is_survived_on_the_same_port(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path)
    server.start()
    try:
        port = server.port
        server.kill()
        server.start()
        probe = Probe(port, "again")
        probe.close()
    finally:
        server.stop()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path, extra="no_such_option 1")
    with pytest.raises(ServerError, match="no_such_option"):
        server.start()
    assert not server.running
