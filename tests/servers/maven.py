"""Servers that come as jars from Maven Central, kept in the cache between runs."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from ioc.local_process import ServerError
from tests.servers import cache_folder


def install_jars(server: str, pom: Path, main_jar: str) -> Path:
    """The folder of a server's jars; downloaded with Maven the first time.

    Args:
        server: What the server is called, in errors and, in small letters, in the cache.
        pom: Names what is wanted, pinned.
        main_jar: Pattern of a jar that must be among them.

    Raises:
        ServerError: Maven is missing or failed.
    """
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    jars = cache_folder() / f"{server.lower()}-{digest}"
    with (cache_folder() / f"{server.lower()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if jars.is_dir():
            return jars
        maven = shutil.which("mvn")
        if maven is None:
            raise ServerError(f"{server}'s jars: Maven is not installed: apt-get install maven")
        partial = jars.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        made = subprocess.run(
            [
                *(maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={partial}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if made.returncode != 0 or not any(partial.glob(main_jar)):
            raise ServerError(f"{server}'s jars: Maven failed:\n{made.stdout[-3000:]}{made.stderr}")
        partial.rename(jars)
    return jars
