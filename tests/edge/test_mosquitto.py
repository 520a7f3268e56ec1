"""What only a production broker does: refuse, limit, persist, encrypt."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edge.publisher import Publisher
from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.events import SignalData
from ioc.mqtt import build_client
from ioc.settings import EdgeSettings, MqttSettings
from simulator.devices.network import Cut, CuttableRelay
from tests.edge.conftest import PATH, Core, eventually, free_port
from tests.edge.test_publisher import READING, VIOLATION, replayed
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.service
Serve = Callable[..., Mosquitto]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Mosquitto] = []

    def _serve(extra: str = "", *, tuned: bool = False) -> Mosquitto:
        server = Mosquitto(tmp_path / "mosquitto", tuned=tuned, extra=extra)
        server.start()
        servers.append(server)
        return server

    yield _serve
    for server in servers:
        server.stop()


def settings_of(server: Mosquitto) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=server.port, keepalive_s=5)


def test_event_that_the_broker_refuses_stays(
    serve: Serve, settings: EdgeSettings, tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite ioc/#\ntopic deny ioc/v1/+/+/+/metric/reading\n")
    rules.chmod(0o600)
    server = serve(f"acl_file {rules}")
    core = Core(settings_of(server), receipts=True)
    publisher = Publisher(
        PATH, settings_of(server), settings.model_copy(update={"resend_after_s": 0.3})
    )
    publisher.start()
    publisher.publish(READING)
    publisher.publish(VIOLATION)
    eventually(lambda: publisher.stats().refused >= 2, "refused, tried again")
    eventually(lambda: publisher.stats().receipted == 1, "the violation went through")
    stats = publisher.stats()
    assert (stats.depth, stats.connected, stats.reconnects) == (1, True, 0)
    publisher.stop()
    core.stop()


def test_receive_maximum_of_the_broker_is_kept(serve: Serve, settings: EdgeSettings) -> None:
    # Mosquitto throws out who sends more than it allows (reason 0x93).
    server = serve("max_inflight_messages 3")
    core = Core(settings_of(server), receipts=True)
    publisher = Publisher(PATH, settings_of(server), settings)
    publisher.start()
    for _ in range(300):
        publisher.publish(READING)
    eventually(lambda: publisher.stats().connected, "connected")
    most = 0
    while not publisher.flush(0.0005):
        most = max(most, publisher.stats().unacknowledged)
    assert most == 3
    assert publisher.stats().reconnects == 0
    publisher.stop()
    core.stop()


def test_event_too_large_for_the_broker_does_not_block_the_others(
    serve: Serve, settings: EdgeSettings
) -> None:
    server = serve("max_packet_size 1200")
    core = Core(settings_of(server), receipts=True)
    publisher = Publisher(PATH, settings_of(server), settings)
    publisher.start()
    reasons = tuple(f"reason {number} " + "x" * 100 for number in range(20))
    publisher.publish(msgspec.structs.replace(VIOLATION, reasons=reasons))
    for _ in range(10):
        publisher.publish(READING)
    eventually(lambda: publisher.stats().receipted == 10, "the others")
    stats = publisher.stats()
    assert (stats.depth, stats.reconnects) == (1, 0)
    assert stats.refused >= 1
    publisher.stop()
    core.stop()


def test_session_that_survived_is_not_flooded_with_what_it_has(
    serve: Serve, settings: EdgeSettings
) -> None:
    server = serve(tuned=True)
    publisher = Publisher(PATH, settings_of(server), settings)
    publisher.start()
    for _ in range(50):
        publisher.publish(READING)
    eventually(lambda: publisher.stats().sent == 50, "fifty sent")
    time.sleep(0.3)  # their PUBACKs
    server.restart()
    eventually(lambda: publisher.stats().reconnects == 1, "back again")
    publisher.publish(READING)
    eventually(lambda: publisher.stats().sent == 51, "the new one")
    time.sleep(0.3)
    assert publisher.stats().resent == 0
    publisher.stop()


def test_what_a_pulled_cable_swallowed_goes_out_again_at_once_as_replayed(
    serve: Serve, settings: EdgeSettings
) -> None:
    server = serve(tuned=True)
    core = Core(settings_of(server), receipts=True)
    with CuttableRelay(server.port) as relay:
        publisher = Publisher(
            PATH, settings_of(server).model_copy(update={"port": relay.port}), settings
        )
        publisher.start()
        publisher.publish(READING)
        assert publisher.flush(10)
        relay.cut(Cut.BLACK_HOLE)
        for _ in range(20):
            publisher.publish(READING)
        eventually(lambda: publisher.stats().sent == 21, "sent into the hole")
        relay.cut(Cut.REFUSE)
        relay.mend()
        assert publisher.flush(10)  # no waiting for the 30 s after which a receipt is overdue
        publisher.stop()
    late = core.events()[1:]
    assert len(late) == 20
    assert all(replayed(seen) for seen in late)
    core.stop()


def test_retained_phase_survives_the_clean_session_of_a_new_watcher(
    serve: Serve, settings: EdgeSettings
) -> None:
    server = serve()
    publisher = Publisher(PATH, settings_of(server), settings)
    publisher.start()
    publisher.publish(SignalData(head="h1", phase="red", since=utc_now()))
    publisher.publish(READING)
    eventually(lambda: publisher.stats().sent == 2, "both sent")
    time.sleep(0.2)
    core = Core(settings_of(server))
    eventually(lambda: [seen for seen in core.seen if seen.retain and seen.properties], "the phase")
    time.sleep(0.2)
    kept = [seen.topic.split("/", 5)[5] for seen in core.seen if seen.retain]
    assert sorted(kept) == ["state/signal", "status"]
    core.stop()
    publisher.stop()


class Certificates:
    """A CA, and certificates that it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.ca = self._self_signed("ca")
        self.other_ca = self._self_signed("other")
        self.server = self._signed("server", "subjectAltName=IP:127.0.0.1")
        self.device = self._signed("cam-1", "subjectAltName=DNS:cam-1")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _self_signed(self, name: str) -> Path:
        self._run(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *(
                "-keyout",
                f"{name}.key",
                "-out",
                f"{name}.crt",
                "-days",
                "2",
                "-subj",
                f"/CN={name}",
            ),
        )
        return self.folder / f"{name}.crt"

    def _signed(self, name: str, extension: str) -> tuple[Path, Path]:
        (self.folder / "ext").write_text(extension)
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
        )
        self._run(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.crt"),
        )
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"


def test_tls_with_a_certificate_of_the_device(
    serve: Serve, settings: EdgeSettings, tmp_path: Path
) -> None:
    made = Certificates(tmp_path / "pki")
    port = free_port()
    server = serve(
        f"listener {port} 127.0.0.1\ncafile {made.ca}\ncertfile {made.server[0]}\n"
        f"keyfile {made.server[1]}\nrequire_certificate true"
    )
    core = Core(settings_of(server), receipts=True)
    right = MqttSettings(
        host="127.0.0.1",
        port=port,
        ca_file=made.ca,
        cert_file=made.device[0],
        key_file=made.device[1],
    )
    for wrong in (
        right.model_copy(update={"ca_file": made.other_ca}),  # we do not trust the broker
        right.model_copy(update={"cert_file": None, "key_file": None}),  # it does not trust us
        right.model_copy(update={"port": server.port}),  # it speaks no TLS
    ):
        publisher = Publisher(PATH, wrong, settings)
        publisher.start()
        publisher.publish(READING)
        time.sleep(0.5)
        assert not publisher.stats().connected
        publisher.stop()
    publisher = Publisher(PATH, right, settings)
    publisher.start()
    for _ in range(200):
        publisher.publish(READING)
    assert publisher.flush(15)
    assert len({seen.event.id for seen in core.events()}) == 203
    assert publisher.stats().receipted == 203
    publisher.stop()
    core.stop()


def test_wrong_tls_settings_name_the_key(tmp_path: Path) -> None:
    made = Certificates(tmp_path / "pki")
    noise = tmp_path / "noise.pem"
    noise.write_text("no certificate")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", "pass:x", "-in", made.device[1], "-out", locked],
        check=True,
        capture_output=True,
    )
    good = {"ca_file": made.ca, "cert_file": made.device[0], "key_file": made.device[1]}
    for changes, message in (
        ({"ca_file": tmp_path / "none"}, r"mqtt\.ca_file: .*none: No such file"),
        ({"ca_file": noise}, r"mqtt\.ca_file: .*not a PEM"),
        ({"cert_file": noise}, r"mqtt\.cert_file: .*not a PEM"),
        ({"key_file": locked}, r"mqtt\.key_file: .*unencrypted"),
        ({"key_file": None}, r"set both or neither"),
        ({"ca_file": None}, r"without mqtt\.ca_file"),
        ({"password_file": noise}, r"mqtt\.password_file: .*mqtt\.username"),
        ({"username": "u", "password_file": tmp_path / "none"}, r"mqtt\.password_file: .*No such"),
    ):
        with pytest.raises(ConfigError, match=message):
            build_client(MqttSettings.model_validate({**good, **changes}), "x")
