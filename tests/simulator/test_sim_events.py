"""``ioc sim events``: the same seed the same bytes, valid events, a clean end, an honest code."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.commands import sim_events
from ioc.commands.sim_events import mqtt_of
from ioc.decode import decode
from ioc.errors import ConfigError
from ioc.events import NumberedEnvelope, ReadingEvent, type_of
from ioc.local_process import LOOPBACK, free_port
from ioc.settings import MqttSettings
from tests.servers import ROOT
from tests.servers.embedded import Mqtt
from tests.servers.mqtt import Probe

SITES = sorted(str(path) for path in (ROOT / "deploy" / "sites").glob("*.yaml"))
# Today: `decode` sets aside what is far from now, as the bridge does.
START = datetime.now(UTC).replace(microsecond=0).isoformat()
COMMAND = [sys.executable, "-m", "ioc.cli", "sim", "events"]


def lines(out: Path, *arguments: str) -> list[bytes]:
    result = CliRunner().invoke(app, ["sim", "events", *arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out.read_bytes().splitlines()


def test_the_same_seed_gives_the_same_bytes_at_any_rate(tmp_path: Path) -> None:
    def world(name: str, *more: str) -> list[bytes]:
        given = (*SITES, "--start", START, "--for", "60s", *more)
        return lines(tmp_path / name, *given)

    one = world("a", "--rate", "0")
    assert one == world("b", "--rate", "60")
    assert one != world("c", "--rate", "0", "--seed", "2")


def test_every_line_is_a_valid_event_and_no_number_is_missing(tmp_path: Path) -> None:
    found = lines(
        tmp_path / "e", *SITES, "--start", START, "--for", "120s", "--rate", "0", "--speed", "10"
    )
    events = [decode(line) for line in found]
    numbers: dict[str, list[int]] = {}
    for event in events:
        assert isinstance(event, NumberedEnvelope)
        numbers.setdefault(event.source, []).append(event.sequence)
    assert all(sorted(seen) == list(range(len(seen))) for seen in numbers.values())
    assert len({event.id for event in events}) == len(events)
    assert {type_of(event).split(".")[2] for event in events} == {
        "violation",
        "flow",
        "reading",
        "signal",
        "health",
    }


def test_with_a_high_rate_the_time_ends_now(tmp_path: Path) -> None:
    found = lines(tmp_path / "e", SITES[0], "--for", "1h", "--rate", "0")
    # A sensor's clock may slip by minutes, which is one of the faults.
    events = [event for line in found if not isinstance(event := decode(line), ReadingEvent)]
    times = [event.time for event in events]
    assert 0 <= (datetime.now(UTC) - times[-1]).total_seconds() < 60
    assert 3500 < (times[-1] - times[0]).total_seconds() <= 3600
    assert all(after >= before for before, after in pairwise(times))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    with subprocess.Popen(
        [*COMMAND, *SITES, "--out", str(out), "--speed", "60"],
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        until = time.monotonic() + 20
        while not out.exists() or out.stat().st_size < 2000:
            assert time.monotonic() < until
            time.sleep(0.05)
        running.send_signal(number)
        _, said = running.communicate(timeout=10)
    assert running.returncode == 0
    assert re.search(r"events: .*\d+ signal", said)
    whole = out.read_bytes()
    assert whole.endswith(b"\n") and all(decode(line) for line in whole.splitlines())


def test_who_reads_no_further_ends_it(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{' '.join(COMMAND)} {SITES[0]} --for 1h --rate 0 | head -1",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert decode(done.stdout.strip())
    assert b"Traceback" not in done.stderr


def test_a_broker_gets_every_event(tmp_path: Path) -> None:
    server = Mqtt(tmp_path / "mqtt")
    server.start()
    try:
        probe = Probe(server.port, "listener")
        probe.subscribe("ioc/v1/#")
        done = subprocess.run(
            [
                *COMMAND,
                *SITES,
                "--for=5s",
                "--speed=30",
                f"--broker=mqtt://{LOOPBACK}:{server.port}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        match = re.search(r"the broker took (\d+)", done.stderr)
        assert match is not None
        heard = [
            event
            for event in map(decode, probe.wait(int(match[1])))
            if isinstance(event, NumberedEnvelope)
        ]
        probe.close()
    finally:
        server.stop()
    assert len({event.id for event in heard}) == int(match[1]) > 50


def test_without_the_broker_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim_events, "SETTLE_S", 0.5)
    port = free_port()
    arguments = [SITES[0], "--for", "5s", "--broker", f"mqtt://{LOOPBACK}:{port}"]
    done = CliRunner().invoke(app, ["sim", "events", *arguments])
    assert done.exit_code == 1
    assert re.search(rf"{LOOPBACK}:{port} did not take \d+ events", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--rate", "0"], "--for"),
        (["--out", "-", "--broker", "mqtt://h"], "--out and --broker"),
        (["--for", "soon"], "--for 'soon'"),
        (["--start", "yesterday", "--for", "60s"], "--start yesterday"),
        (["--out", "/nowhere/at/all", "--for", "5s"], "/nowhere/at/all"),
        (["--broker", "mqtt://h", "--rate", "5000"], "--rate 5000"),
        (["--broker", "tcp://h:1"], "mqtt://HOST:PORT"),
        ([SITES[0]], "twice"),
    ],
)
def test_wrong_use_is_told_with_the_mend(arguments: list[str], names: str) -> None:
    result = CliRunner().invoke(app, ["sim", "events", SITES[0], *arguments])
    assert isinstance(result.exception, ConfigError)
    assert names in str(result.exception)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="password_file") as refused:
        mqtt_of("mqtt://me:hunter2@broker", MqttSettings())
    assert "hunter2" not in str(refused.value)


def test_an_address_gives_host_port_and_tls() -> None:
    base = MqttSettings(ca_file=Path("ca.pem"), username="u")
    plain, secure = mqtt_of("mqtt://b", base), mqtt_of("mqtts://b:1234", base)
    assert (plain.host, plain.port, plain.ca_file, plain.username) == ("b", 1883, None, "u")
    assert (secure.port, secure.ca_file) == (1234, Path("ca.pem"))
    with pytest.raises(ConfigError, match="ca_file"):
        mqtt_of("mqtts://b", MqttSettings())
