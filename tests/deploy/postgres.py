"""PostgreSQL with the files of ``deploy/postgres``, brought up as the image brings it up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ioc.local_process import ServerError, ServerProcess, free_port
from ioc.settings import DatabaseSettings
from tests.deploy.core_files import DEPLOY, CoreFiles, nobody

CONFIG = DEPLOY / "postgres"


def binaries() -> Path:
    """The newest PostgreSQL of the system: the embedded one knows no TLS.

    Raises:
        ServerError: There is none.
    """
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4])
    )
    if not found:
        raise ServerError("PostgreSQL is not installed: apt-get install postgresql (or .ci/run)")
    return found[-1].parent


class ProductionPostgres(ServerProcess):
    """The database of compose.yaml. The system's PostgreSQL has no TimescaleDB, so that one line of
    ``postgresql.conf``, ``shared_preload_libraries``, is overruled.

    Args:
        folder: Becomes its own: data, certificate, log.
        core: Certificates and passwords.
        service: ``database`` of compose.yaml.
    """

    def __init__(self, folder: Path, core: CoreFiles, service: Mapping[str, Any]) -> None:
        self._binaries = binaries()
        self._core = core
        self._service = service
        self.folder, self.data = folder, folder / "data"
        port = free_port()
        folder.mkdir(mode=0o755)
        (folder / "socket").mkdir()
        (folder / "pki").mkdir()
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(core.folder / "pki" / "database" / name, folder / "pki" / name)
        self._own(folder)
        command = [
            text.replace("/etc/postgresql/", f"{CONFIG}/").replace("/run/pki/", f"{folder}/pki/")
            for text in service["command"][1:]
        ]
        super().__init__(
            name="PostgreSQL",
            command=[
                *(str(self._binaries / "postgres"), "-D", str(self.data), *command),
                *("-c", f"port={port}", "-c", f"unix_socket_directories={folder}/socket"),
                *("-c", "listen_addresses=127.0.0.1", "-c", "shared_preload_libraries="),
            ],
            port=port,
            log=folder / "postgres.log",
            ready=self._healthy,
            user=nobody(),
            cwd=folder,
            start_timeout_s=60,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
        )

    def _healthy(self) -> bool:
        """The health check of compose.yaml, at our port."""
        program, *arguments = self._service["healthcheck"]["test"][1:]
        done = subprocess.run(
            [str(self._binaries / program), *arguments, f"--port={self.port}"], check=False
        )
        return done.returncode == 0

    def bring_up(self) -> None:
        """Make the data folder with the arguments of compose.yaml, start, run the init script."""
        environment = self._service["environment"]
        password = self._core.folder / "secrets" / "database" / "postgres"
        secret = self.folder / "secret"
        secret.write_text(password.read_text())
        self.log.touch()
        self._own(self.folder)
        self._run(
            *("initdb", "-D", str(self.data), "--pwfile", str(secret)),
            *("--username", environment["POSTGRES_USER"], "--no-sync"),
            *environment["POSTGRES_INITDB_ARGS"].split(),
        )
        secret.unlink()
        self.start()
        self._run("createdb", "--username", "postgres", environment["POSTGRES_DB"])
        self.init_script()

    def init_script(self) -> None:
        """As at the image's first start."""
        self._run(str(CONFIG / "init" / "10-owner.sh"))

    def _run(self, program: str, *arguments: str) -> None:
        secrets = self._core.folder / "secrets" / "database"
        owner = self.folder / "owner"
        owner.write_text((secrets / "database-owner").read_text())
        self._own(owner)
        uid, gid = nobody() or (None, None)
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            env={
                "PATH": f"{self._binaries}:{os.environ['PATH']}",
                "PGHOST": str(self.folder / "socket"),
                "PGPORT": str(self.port),
                "PGPASSWORD": (secrets / "postgres").read_text().strip(),
                "OWNER_PASSWORD_FILE": str(owner),
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            user=uid,
            group=gid,
            extra_groups=None if gid is None else [],
        )
        owner.unlink()
        if done.returncode != 0:
            raise ServerError(f"{program}: {done.stdout}{done.stderr}")

    def _own(self, path: Path) -> None:
        user = nobody()
        if user is not None:
            for one in (path, *path.rglob("*")):
                os.chown(one, *user)

    def superuser(self) -> str:
        """A connection string of the superuser, who comes by the socket alone."""
        password = (self._core.folder / "secrets/database/postgres").read_text().strip()
        return (
            f"host={self.folder}/socket port={self.port} user=postgres dbname=ioc "
            f"password={password}"
        )

    def settings(self, role: str, secret: str, **options: str) -> DatabaseSettings:
        """How a service reaches it: ``ioc_owner`` with the password ``core/database-owner``."""
        given = {
            "sslmode": "verify-full",
            "sslrootcert": str(self._core.folder / "pki/public/ca.crt"),
            **options,
        }
        query = "&".join(f"{key}={value}" for key, value in given.items())
        return DatabaseSettings(
            url=f"postgresql://{role}@localhost:{self.port}/ioc?{query}",
            password_file=self._core.folder / "secrets" / secret,
        )
