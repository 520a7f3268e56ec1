"""The broker of the core, with the files and certificates that an installation has."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest

from edge.publisher import Publisher
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import RECEIPT_TAIL, SUBSCRIPTIONS, TAILS, DevicePath, device_path
from tests.deploy.client import NOT_AUTHORIZED, CertifiedClient
from tests.deploy.compose_file import load, read_env
from tests.deploy.core_files import CoreFiles
from tests.deploy.mosquitto import ProductionMosquitto
from tests.edge.conftest import eventually
from tests.edge.test_publisher import READING

pytestmark = pytest.mark.service

A = "vithanh/tran-hung-dao/cam-1"
B = "vithanh/tran-hung-dao/cam-2"
Open = Callable[..., CertifiedClient]
_numbers = count()


@pytest.fixture(scope="module", autouse=True)
def devices(core: CoreFiles) -> None:
    for name in (A, B):
        core.device(device_path(*name.split("/")))


@pytest.fixture(autouse=True)
def running(broker: ProductionMosquitto) -> None:
    broker.start()


@pytest.fixture
def opened(core: CoreFiles, broker: ProductionMosquitto) -> Iterator[Open]:
    """Opens connections by the name in the certificate: a device outside, a service inside."""
    clients: list[CertifiedClient] = []

    def _open(name: str, client_id: str | None = None) -> CertifiedClient:
        port = broker.port if "/" in name else broker.inside
        clients.append(CertifiedClient(core.mqtt(port, name), client_id))
        assert clients[-1].connected, name
        return clients[-1]

    yield _open
    for client in clients:
        client.close()


def test_the_bridge_hears_a_device_on_each_of_its_topics(opened: Open) -> None:
    bridge, device = opened("bridge"), opened(A)
    bridge.subscribe(*SUBSCRIPTIONS)
    for tail in TAILS:
        assert device.publish(f"ioc/v1/{A}/{tail}", tail.encode()) == 0
    assert sorted(bridge.wait(len(TAILS))) == sorted(
        (f"ioc/v1/{A}/{tail}", tail.encode()) for tail in TAILS
    )


def test_the_health_check_of_the_container_gets_an_answer(
    core: CoreFiles, broker: ProductionMosquitto
) -> None:
    service = load(read_env(core.env_file))["services"]["mosquitto"]
    form, *command = service["healthcheck"]["test"]
    assert form == "CMD"
    command = [str(broker.inside) if word == "8884" else word for word in command]
    done = subprocess.run(
        command, cwd=broker.log.parent, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seconds" in done.stdout


def test_a_device_writes_nothing_but_its_own_topics(opened: Open) -> None:
    bridge, device = opened("bridge"), opened(A)
    bridge.subscribe("#")
    city, site, _ = A.split("/")
    foreign = [
        *(f"ioc/v1/{B}/{tail}" for tail in TAILS),
        f"ioc/v1/{city}/other-site/cam-1/metric/flow",
        f"ioc/v1/other-city/{site}/cam-1/metric/flow",
        f"ioc/v1/{A}/{RECEIPT_TAIL}",
        f"ioc/v1/{A}/metric/flow/more",
        f"ioc/v1/{A}",
        f"onvif/{B}/onvif-ej/RuleEngine/CountAggregation/Counter",
        "application/1/device/2/event/up",
        "anything",
    ]
    for topic in foreign:
        assert device.publish(topic) == NOT_AUTHORIZED, topic
    assert device.publish(f"ioc/v1/{A}/metric/flow", b"mine") == 0
    assert [entry for entry in bridge.wait(1) if entry[0] in foreign] == []
    assert device.connected and not device.lost.is_set()


def test_a_device_hears_its_own_receipts_and_the_lights_only(opened: Open) -> None:
    worker, device, other = opened("streams"), opened(A), opened(B)
    device.subscribe("#", f"ioc/v1/+/+/+/{RECEIPT_TAIL}", "ioc/v1/+/+/+/metric/flow")
    assert other.publish(f"ioc/v1/{B}/metric/flow", b"not yours") == 0
    assert worker.publish(f"ioc/v1/{B}/{RECEIPT_TAIL}", b"not yours") == 0
    assert other.publish(f"ioc/v1/{B}/state/signal", b"red") == 0
    assert worker.publish(f"ioc/v1/{A}/{RECEIPT_TAIL}", b"yours") == 0
    device.wait(4, within_s=2)
    assert set(device.received) == {
        (f"ioc/v1/{B}/state/signal", b"red"),
        (f"ioc/v1/{A}/{RECEIPT_TAIL}", b"yours"),
    }


def test_services_may_do_their_own_work_and_no_more(opened: Open) -> None:
    bridge, worker = opened("bridge"), opened("streams")
    for topic in (f"ioc/v1/{A}/metric/flow", f"ioc/v1/{A}/{RECEIPT_TAIL}", "ioc/v1/ioc-bridge/x"):
        assert bridge.publish(topic) == NOT_AUTHORIZED
    assert worker.publish(f"ioc/v1/{A}/metric/flow") == NOT_AUTHORIZED
    device = opened(A)
    worker.subscribe("ioc/v1/+/+/+/metric/flow")
    assert device.publish(f"ioc/v1/{A}/metric/flow") == 0
    assert worker.wait(1, within_s=1) == []


def test_no_name_of_a_device_pushes_others_out(opened: Open) -> None:
    bridge, device = opened("bridge", "ioc-bridge-0"), opened(A)
    thief = opened(B, "ioc-bridge-0")
    again = opened(B, ".".join(A.split("/")))
    assert thief.lost.wait(10)  # B has one connection, whatever it calls itself
    assert device.publish(f"ioc/v1/{A}/metric/flow") == 0
    assert again.publish(f"ioc/v1/{B}/metric/flow") == 0
    assert not bridge.lost.is_set() and not device.lost.is_set()


def test_only_a_certificate_of_this_core_lets_in(
    core: CoreFiles, broker: ProductionMosquitto, tmp_path: Path
) -> None:
    right = core.mqtt(broker.port, A)
    server = core.folder / "pki" / "database" / "server"
    old = _certificate(
        core, tmp_path, "old", "-startdate", "200101000000Z", "-enddate", "210101000000Z"
    )
    foreign = _self_signed(tmp_path)
    for changes in (
        {"cert_file": None, "key_file": None},
        {"cert_file": f"{server}.crt", "key_file": f"{server}.key"},  # a server's is no client's
        {"cert_file": f"{old}.crt", "key_file": f"{old}.key"},
        {"cert_file": f"{foreign}.crt", "key_file": f"{foreign}.key"},
    ):
        wrong = MqttSettings.model_validate({**right.model_dump(), **changes})
        client = CertifiedClient(wrong, wait_s=1)
        client.close()
        assert not client.connected, changes
    client = CertifiedClient(right)
    assert client.connected
    client.close()


def test_a_revoked_certificate_is_refused_and_the_next_one_works(
    core: CoreFiles, broker: ProductionMosquitto
) -> None:
    name = f"vithanh/tran-hung-dao/lost-{next(_numbers)}"
    path = device_path(*name.split("/"))
    core.device(path)
    stolen = core.mqtt(broker.port, name)
    client = CertifiedClient(stolen)
    assert client.connected
    client.close()
    kept = {key: Path(f"{getattr(stolen, key)}.stolen") for key in ("cert_file", "key_file")}
    for key, copy in kept.items():
        copy.write_bytes(getattr(stolen, key).read_bytes())

    assert "revoked 1 of" in core.call("revoke", *path)
    broker.restart()
    client = CertifiedClient(stolen.model_copy(update=kept), wait_s=1)
    client.close()
    assert not client.connected
    for other in (A, "bridge"):
        port = broker.port if "/" in other else broker.inside
        client = CertifiedClient(core.mqtt(port, other))
        client.close()
        assert client.connected, other
    core.device(path)
    client = CertifiedClient(core.mqtt(broker.port, name))
    client.close()
    assert client.connected


def test_what_an_absent_bridge_has_not_fetched_survives_kill(
    opened: Open, broker: ProductionMosquitto
) -> None:
    bridge, device = opened("bridge", "ioc-bridge-0"), opened(A)
    bridge.subscribe(*SUBSCRIPTIONS)
    bridge.close()
    for number in range(1500):  # stock Mosquitto keeps a thousand
        device.client.publish(f"ioc/v1/{A}/metric/flow", str(number), qos=1)
    assert device.publish(f"ioc/v1/{A}/metric/flow", b"last") in (0, 16)
    # What the interval does each minute, and this signal at once.
    assert broker.pid is not None
    psutil.Process(broker.pid).send_signal(signal.SIGUSR1)
    time.sleep(1)
    broker.kill()
    broker.start()
    back = opened("bridge", "ioc-bridge-0")
    assert len({payload for _, payload in back.wait(1501, within_s=20)}) == 1501


def test_a_node_with_a_certificate_for_each_camera(
    core: CoreFiles, broker: ProductionMosquitto, opened: Open, tmp_path: Path
) -> None:
    bridge = opened("bridge")
    bridge.subscribe(*SUBSCRIPTIONS)
    # The node's own certificate stands in the settings; each camera shows its own.
    node = "vithanh/tran-hung-dao/node-1"
    core.device(device_path(*node.split("/")))
    settings = EdgeSettings(spool_dir=tmp_path / "spool", cert_dir=core.devices)
    mqtt = core.mqtt(broker.port, node)
    publishers = [Publisher(_path(name), mqtt, settings) for name in (A, B)]
    for publisher in publishers:
        publisher.start()
        publisher.publish(READING)
    eventually(
        lambda: (
            {f"ioc/v1/{A}/metric/reading", f"ioc/v1/{B}/metric/reading"}
            <= {topic for topic, _ in bridge.received}
        ),
        "both cameras heard",
    )
    assert [publisher.stats().refused for publisher in publishers] == [0, 0]
    for publisher in publishers:
        publisher.stop()


def test_the_check_of_health_sees_the_broker_alive(
    core: CoreFiles, broker: ProductionMosquitto
) -> None:
    certificate = core.folder / "pki" / "mosquitto" / "health"
    settings = core.mqtt(broker.inside, "bridge").model_copy(
        update={"cert_file": Path(f"{certificate}.crt"), "key_file": Path(f"{certificate}.key")}
    )
    client = CertifiedClient(settings)
    client.subscribe("$SYS/broker/uptime", "ioc/v1/#")
    assert client.wait(1)[0][0] == "$SYS/broker/uptime"
    client.close()


def _path(name: str) -> DevicePath:
    return device_path(*name.split("/"))


SUBJECT = "/CN=" + A.replace("/", "\\/")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments: str) -> None:
    subprocess.run(
        ["openssl", *arguments], check=True, capture_output=True, env={"SETUP_NAMES": "DNS:x"}
    )


def _certificate(core: CoreFiles, folder: Path, name: str, *options: str) -> Path:
    """A certificate of this core's authority, made with other dates than setup.sh gives."""
    stem = folder / name
    _openssl("req", "-new", *KEY, "-keyout", f"{stem}.key", "-out", f"{stem}.csr", "-subj", SUBJECT)
    _openssl(
        *("ca", "-config", f"{core.folder}/pki/ca/ca.cnf", "-batch", "-notext", *options),
        *("-extensions", "client", "-subj", SUBJECT, "-in", f"{stem}.csr", "-out", f"{stem}.crt"),
    )
    return stem


def _self_signed(folder: Path) -> Path:
    stem = folder / "foreign"
    _openssl(
        "req", "-x509", *KEY, "-keyout", f"{stem}.key", "-out", f"{stem}.crt", "-subj", SUBJECT
    )
    return stem
