"""TimescaleDB in WebAssembly (PGlite) on loopback: one connection at a time, nothing on disk.

It has no background workers and knows no COPY. ``IOC_TEST_TIMESCALE_URL`` names a real server
to use instead.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, free_port
from tests.servers import cache_folder

SOURCE = Path(__file__).parent / "timescale"


def install() -> Path:
    """The folder with the server and its packages; npm brings 10 MB the first time, in seconds.

    Raises:
        ServerError: Node.js or npm is missing, or npm failed.
    """
    files = [SOURCE / "package.json", SOURCE / "package-lock.json", SOURCE / "server.mjs"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = cache_folder() / f"timescale-{digest}"
    with (cache_folder() / "timescale.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        npm = shutil.which("npm")
        if npm is None:
            raise ServerError("TimescaleDB: npm is not installed: apt-get install npm (or .ci/run)")
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for path in files:
            shutil.copy(path, partial)
        made = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"],
            cwd=partial,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if made.returncode != 0:
            raise ServerError(f"TimescaleDB: npm failed:\n{made.stdout[-2000:]}{made.stderr}")
        partial.rename(folder)
    return folder


class Timescale(ServerProcess):
    """A fresh, empty TimescaleDB.

    Args:
        folder: Its own folder, for the log.
        port: To listen on; a free one if not given.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        node = shutil.which("node")
        if node is None:
            raise ServerError("TimescaleDB: node is not installed: apt-get install nodejs")
        port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "timescale.log"
        super().__init__(
            name="TimescaleDB",
            command=[node, str(install() / "server.mjs"), str(port)],
            port=port,
            log=log,
            # Not by a connection: there is room for one.
            ready=lambda: log.is_file() and f"ready {port}" in log.read_text(),
            # 2.5 s of two cores' work; a machine that is lent out elsewhere took over 20 s.
            start_timeout_s=120,
        )

    def url(self) -> str:
        """A libpq connection string."""
        return f"postgresql://postgres:postgres@{LOOPBACK}:{self.port}/postgres?sslmode=disable"
