"""The camera node as it is installed: its unit, its installer, and the two of them at work."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.publisher import with_own_certificate
from ioc.settings import MqttSettings, read_settings
from ioc.site import load_site
from ioc.topics import SUBSCRIPTIONS, device_path
from tests.deploy.client import CertifiedClient
from tests.deploy.core_files import DEPLOY, CoreFiles
from tests.deploy.mosquitto import ProductionMosquitto
from tests.deploy.unit_file import UnitFile
from tests.servers import ROOT

EDGE = DEPLOY / "edge"
UNIT = EDGE / "ioc-edge@.service"
SITE = DEPLOY / "sites" / "vithanh-tran-hung-dao.yaml"
CITY, PLACE = "vithanh", "tran-hung-dao"
NAMES = ("node-1", "cam-1", "cam-2")
Install = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def certificates(core: CoreFiles) -> Path:
    for name in NAMES:
        core.device(device_path(CITY, PLACE, name))
    return core.devices


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def install(certificates: Path, root: Path) -> Install:
    """Runs install.sh below a root of its own, with this environment instead of a new one."""

    def run(
        command: str = "install", *more: str, **instead: str
    ) -> subprocess.CompletedProcess[str]:
        given = {
            "--site": str(SITE),
            "--core": "ioc.test",
            "--node": "node-1",
            "--certificates": str(certificates),
            "--environment": str(Path(sys.prefix)),
        } | {f"--{key}": value for key, value in instead.items()}
        chosen = given if command == "install" else {}
        words = [word for pair in chosen.items() for word in pair if pair[1]]
        return subprocess.run(
            [str(EDGE / "install.sh"), command, *words, "--root", str(root), *more],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "etc").rglob("*"))
        if path.is_file()
    }


def test_an_installed_node_reads_its_own_settings(
    install: Install, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = install()
    assert done.returncode == 0, done.stderr
    assert "2 cameras (cam-1 cam-2)" in done.stdout
    unit = UnitFile(root, "ioc-edge@vithanh-tran-hung-dao.service")
    program, *arguments = unit.command()
    assert os.access(program, os.X_OK)
    assert arguments[:2] == ["edge", "run"] and load_site(Path(arguments[2])).site == PLACE
    monkeypatch.setenv("IOC_CONFIG", unit.environment()["IOC_CONFIG"])
    for name in ("IOC_EVIDENCE__DIR", "IOC_EVIDENCE__KEYS_DIR"):
        monkeypatch.delenv(name)
    settings = read_settings()
    assert (settings.mqtt.host, settings.mqtt.port) == ("ioc.test", 8883)
    assert settings.evidence.upload_url == "https://ioc.test/evidence"
    wanted = [settings.mqtt.cert_file, settings.mqtt.key_file, settings.mqtt.ca_file]
    for camera in load_site(SITE).cameras:
        path = device_path(CITY, PLACE, camera.id)
        own = with_own_certificate(settings.mqtt, settings.edge.cert_dir, path)
        wanted += [own.cert_file, own.key_file]
    for file in wanted:
        assert file is not None and (root / str(file)[1:]).is_file(), file
    state = unit.one("StateDirectory")
    for folder in (settings.edge.spool_dir, settings.evidence.dir, settings.evidence.keys_dir):
        assert folder.is_relative_to(f"/var/lib/{state}")
    for key in root.rglob("*.key"):
        assert not key.stat().st_mode & stat.S_IRWXO, key


def test_without_a_folder_of_certificates_a_device_shows_the_nodes() -> None:
    mqtt = MqttSettings(cert_file=Path("/a.crt"), key_file=Path("/a.key"))
    path = device_path(CITY, PLACE, "cam-1")
    assert with_own_certificate(mqtt, None, path) == mqtt
    own = with_own_certificate(mqtt, Path("/pki"), path)
    assert own.cert_file == Path("/pki/vithanh.tran-hung-dao.cam-1.crt")
    assert own.key_file == Path("/pki/vithanh.tran-hung-dao.cam-1.key")


def test_a_second_installation_keeps_settings_and_brings_new_certificates(
    install: Install, root: Path, core: CoreFiles
) -> None:
    install()
    settings = root / "etc/ioc/edge.toml"
    settings.write_text(settings.read_text() + "# by hand\n")
    before = _files(root)
    assert install().returncode == 0
    assert _files(root) == before
    core.device(device_path(CITY, PLACE, "cam-2"), "--renew")
    assert install().returncode == 0
    after = _files(root)
    name = "etc/ioc/pki/vithanh.tran-hung-dao.cam-2.crt"
    assert after[name] == (core.devices / Path(name).name).read_bytes() != before[name]
    assert before[name] in after.values()  # put aside
    assert after["etc/ioc/edge.toml"].endswith(b"# by hand\n")


def test_a_node_may_run_only_some_cameras(install: Install, root: Path) -> None:
    assert "1 cameras (cam-2)" in install("install", "--camera", "cam-2").stdout
    unit = UnitFile(root, "ioc-edge@vithanh-tran-hung-dao.service")
    assert unit.command()[-2:] == ["--camera", "cam-2"]
    assert "cam-1" not in "".join(_files(root))


def test_a_dry_run_changes_nothing(install: Install, root: Path) -> None:
    done = install("install", "--dry-run")
    assert done.returncode == 0 and "ioc-edge@.service" in done.stdout
    assert list(root.iterdir()) == []
    install()
    before = _files(root)
    assert "+ rm -rf" in install("uninstall", "--purge", "--dry-run").stdout
    assert _files(root) == before


def test_what_is_taken_away_and_what_stays(install: Install, root: Path) -> None:
    install()
    spool = root / "var/lib/ioc/spool/cam-1.db"
    spool.parent.mkdir(parents=True)
    spool.write_text("events that nobody has confirmed")
    assert install("uninstall").returncode == 0
    assert not (root / "opt/ioc").exists()
    assert not (root / "etc/systemd/system/ioc-edge@.service").exists()
    assert spool.exists() and (root / "etc/ioc/edge.toml").exists()
    assert (Path(sys.prefix) / "bin").is_dir()  # the link went, not what it led to
    assert install("uninstall", "--purge").returncode == 0
    assert not spool.exists() and not (root / "etc/ioc").exists()


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        ({"site": "/none.yaml"}, "--site /none.yaml: give the site file"),
        ({"core": "a b"}, "--core a b"),
        ({"node": ""}, "--node is missing"),
        ({"certificates": "/none"}, "has no ca.crt"),
        ({"environment": "/none"}, "has no bin/ioc"),
        ({"environment": ""}, "--root needs --environment"),
        ({"camera": "cam-9"}, "has no camera cam-9, only: cam-1 cam-2"),
        ({"token": "/none"}, "--token /none: cannot be read"),
        ({"colour": "red"}, "unknown argument --colour"),
    ],
)
def test_wrong_use_says_what_is_wrong(
    install: Install, root: Path, instead: dict[str, str], says: str
) -> None:
    done = install("install", **instead)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert _files(root) == {}


def test_certificates_that_do_not_fit_are_refused(
    install: Install, certificates: Path, core: CoreFiles, tmp_path: Path
) -> None:
    stem = f"{CITY}.{PLACE}"
    wrong = tmp_path / "wrong"

    def changed(name: str, source: Path) -> str:
        shutil.rmtree(wrong, ignore_errors=True)
        shutil.copytree(certificates, wrong)
        shutil.copy(source, wrong / name)
        done = install("install", certificates=str(wrong))
        assert done.returncode == 2
        return done.stderr

    assert "is of vithanh/tran-hung-dao/cam-2" in changed(
        f"{stem}.cam-1.crt", certificates / f"{stem}.cam-2.crt"
    )
    assert "does not belong" in changed(f"{stem}.cam-1.key", certificates / f"{stem}.cam-2.key")
    server = core.folder / "pki/mosquitto/server.crt"
    assert "is not a client's certificate" in changed(f"{stem}.cam-1.crt", server)
    other = CoreFiles(tmp_path / "other")
    other.call("init", "--host", "b.test", "--dir", str(other.folder), "--no-chown")
    assert "is not a client's certificate" in changed("ca.crt", other.folder / "pki/ca/ca.crt")


def test_a_site_file_that_is_wrong_is_refused(install: Install, tmp_path: Path, root: Path) -> None:
    bad = tmp_path / "vithanh-bad.yaml"
    bad.write_text(SITE.read_text().replace("heading_deg:", "heading_degrees:"))
    done = install("install", site=str(bad))
    assert done.returncode == 2 and "heading_degrees" in done.stderr
    assert "etc/ioc/sites/vithanh-bad.yaml" not in _files(root)


def test_the_unit_is_what_the_manual_says_and_closed() -> None:
    text = UNIT.read_text()
    manual = (ROOT / "docs" / "edge.md").read_text()
    for line in ("Type=notify", "WatchdogSec=30"):
        assert line in text and line in manual
    assert re.search(r"^ExecReload=/bin/kill -HUP \$MAINPID$", text, re.MULTILINE)
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert f"\n{line}\n" in text


@pytest.mark.service
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    # It looks for the program; everything else is the delivered line.
    unit = tmp_path / "ioc-edge@.service"
    unit.write_text(UNIT.read_text().replace("/opt/ioc/bin/ioc", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


@pytest.mark.service
@pytest.mark.slow
def test_the_installed_unit_runs_and_is_heard_by_the_core(
    install: Install, root: Path, core: CoreFiles, broker: ProductionMosquitto, tmp_path: Path
) -> None:
    broker.start()
    # The junction's own file, with a rendered clip for a camera and our own small model.
    site = tmp_path / "vithanh-clip.yaml"
    clip = ROOT / "simulator" / "clips" / "vithanh-tran-hung-dao-cam-1-7.site.yaml"
    source = "vithanh-tran-hung-dao-cam-1-7.mp4"
    site.write_text(clip.read_text().replace(source, str(clip.with_name(source))))
    assert "1 cameras (cam-1)" in install("install", site=str(site)).stdout
    settings = root / "etc/ioc/edge.toml"
    text = settings.read_text().replace("ioc.test", "localhost").replace("8883", str(broker.port))
    text = re.sub(r'"/(etc|var/lib)/ioc', rf'"{root}/\1/ioc', text)
    settings.write_text(text.replace("metrics_port = 9101", "metrics_port = -1"))
    (root / "etc/ioc/edge-vithanh-clip.env").write_text("IOC_VISION__MODEL=ioc-sim-v1\n")

    bridge = CertifiedClient(core.mqtt(broker.inside, "bridge"))
    bridge.subscribe(*SUBSCRIPTIONS)
    unit = UnitFile(root, "ioc-edge@vithanh-clip.service")
    state = root / "var/lib/ioc"
    state.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(120)
        plain = {"PATH": os.environ["PATH"], "HOME": str(state)}
        watchdog = {"WATCHDOG_USEC": str(int(unit.one("WatchdogSec")) * 1_000_000)}
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                unit.command(),
                env=plain
                | unit.environment()
                | watchdog
                | {"NOTIFY_SOCKET": str(tmp_path / "notify")},
                cwd=state,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            first = manager.recv(4096)
            assert first.startswith(b"READY=1"), (tmp_path / "log").read_text()[-3000:]
            assert manager.recv(4096) == b"WATCHDOG=1"
            topic = f"ioc/v1/{CITY}/{PLACE}/cam-1/metric/flow"
            deadline = time.monotonic() + 120
            while topic not in {seen for seen, _ in bridge.received}:
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-3000:]
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            while manager.recv(4096) != b"STOPPING=1":
                pass
        finally:
            process.kill()
            process.wait()
            bridge.close()
    assert (state / "spool").is_dir() and (state / "keys").is_dir()
    told = {seen for seen, _ in bridge.received if not seen.startswith(f"ioc/v1/{CITY}/{PLACE}/")}
    assert told == set()
