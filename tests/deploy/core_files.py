"""What ``setup.sh`` makes on the core's machine, in a folder of a test."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ioc.settings import MqttSettings
from ioc.topics import DevicePath, device_path
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
SETUP = DEPLOY / "compose" / "setup.sh"


@dataclass(frozen=True)
class CoreFiles:
    """Certificates, passwords and folders of one core."""

    folder: Path

    @property
    def env_file(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.env"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call setup.sh; never raises."""
        return subprocess.run(
            [str(SETUP), *arguments],
            env={"PATH": os.environ["PATH"], "SETUP_ENV_FILE": str(self.env_file)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def call(self, *arguments: str) -> str:
        """Call setup.sh and see it succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def init(self) -> None:
        """As an administrator does it; without root everything stays our own."""
        plain = () if os.geteuid() == 0 else ("--no-chown",)
        self.call("init", "--host", "ioc.test", "--dir", str(self.folder), *plain)

    def device(self, path: DevicePath, *options: str) -> None:
        """A certificate for a device."""
        self.call("device", *path, *options)

    @property
    def devices(self) -> Path:
        return self.folder / "devices"

    def mqtt(self, port: int, name: str) -> MqttSettings:
        """How a device (``city/site/device``) or a service (``bridge``) reaches the broker."""
        parts = name.split("/")
        if len(parts) == 3:
            stem = self.devices / ".".join(device_path(*parts))
        else:
            stem = self.folder / "pki" / name / "client"
        return MqttSettings(
            host="localhost",
            port=port,
            keepalive_s=5,
            ca_file=self.folder / "pki" / "ca" / "ca.crt",
            cert_file=Path(f"{stem}.crt"),
            key_file=Path(f"{stem}.key"),
        )


def user_of(folder: Path) -> tuple[int, int] | None:
    """Whom a folder belongs to, for a server that is to run as that user; None if that is us."""
    if os.geteuid() != 0:
        return None
    found = folder.stat()
    return found.st_uid, found.st_gid


def own(folder: Path, like: Path) -> None:
    """Give a folder and all in it to whom another folder belongs."""
    user = user_of(like)
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *user)


def nobody() -> tuple[int, int] | None:
    """The user that PostgreSQL runs as where we are root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid
