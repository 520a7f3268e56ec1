"""S3Proxy, an S3 server whose buckets are folders, from the jars of Maven Central.

``IOC_TEST_VERSITYGW`` names a program to use instead: versitygw, the store of ``deploy/compose``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from tests.servers.maven import install_jars

POM = Path(__file__).parent / "s3" / "pom.xml"


def install() -> Path:
    """The folder of S3Proxy's jars; downloaded with Maven the first time, 36 MB, about a minute.

    Raises:
        ServerError: Maven is missing or failed.
    """
    return install_jars("S3Proxy", POM, "s3proxy-*.jar")


class S3(ServerProcess):
    """An S3 server on loopback, with one bucket and a key that nobody knows beforehand.

    Args:
        folder: Its own folder; configuration, data and log.
        bucket: That it has from the start.
        port: To listen on; a free one if not given.

    Attributes:
        key_id: Of the one user.
        key: The user's secret.
    """

    def __init__(self, folder: Path, bucket: str, *, port: int | None = None) -> None:
        port = port or free_port()
        self.key_id, self.key = secrets.token_hex(8), secrets.token_hex(20)
        self._bucket = folder / "data" / bucket
        self._bucket.mkdir(parents=True, exist_ok=True)
        gateway = os.environ.get("IOC_TEST_VERSITYGW")
        if gateway:
            command = [gateway, "--port", f"{LOOPBACK}:{port}", "--quiet", "posix"]
            command.append(str(self._bucket.parent))
        else:
            command = self._s3proxy(folder, port)
        super().__init__(
            name="versitygw" if gateway else "S3Proxy",
            command=command,
            port=port,
            log=folder / "s3.log",
            env={"ROOT_ACCESS_KEY_ID": self.key_id, "ROOT_SECRET_ACCESS_KEY": self.key},
            ready=lambda: accepts(port),
            start_timeout_s=90,
        )

    def _s3proxy(self, folder: Path, port: int) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise ServerError(
                "S3Proxy: Java is not installed: apt-get install openjdk-17-jre-headless"
            )
        settings = {
            "s3proxy.endpoint": f"http://{LOOPBACK}:{port}",
            "s3proxy.authorization": "aws-v4",
            "s3proxy.identity": self.key_id,
            "s3proxy.credential": self.key,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.filesystem.basedir": self._bucket.parent,
        }
        config = folder / "s3proxy.conf"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return [
            # Two cores, a short life: the quick compiler and the small collector; 340 MB.
            *(java, "-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{install()}/*"),
            *("org.gaul.s3proxy.Main", "--properties", str(config)),
        ]

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{LOOPBACK}:{self.port}"

    def place(self, name: str) -> Path:
        """The file that an object is."""
        return self._bucket / name

    def objects(self) -> set[str]:
        """Names of all objects, read from the disk."""
        found = (
            path.relative_to(self._bucket) for path in self._bucket.rglob("*") if path.is_file()
        )
        return {str(path) for path in found if not path.parts[0].startswith(".")}

    def clear(self) -> None:
        """Leave the bucket with nothing in it."""
        for name in self.objects():
            self.place(name).unlink()
