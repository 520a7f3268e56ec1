"""Mosquitto with the files of ``deploy/mosquitto``, laid out as in its container."""

from __future__ import annotations

import shutil
from pathlib import Path

from ioc.local_process import ServerError, ServerProcess, accepts, free_port
from measure.bench.mosquitto import find
from tests.deploy.core_files import DEPLOY, CoreFiles, own, user_of


class ProductionMosquitto(ServerProcess):
    """The broker of the core.

    Args:
        folder: Becomes its working directory: config, certs, data.
        core: Its certificates.

    Attributes:
        inside: The port of the core's services; ``port`` is that of the devices.
    """

    def __init__(self, folder: Path, core: CoreFiles) -> None:
        binary = find()
        if binary is None:
            raise ServerError("Mosquitto is not installed: apt-get install mosquitto (or .ci/run)")
        port, inside = free_port(), free_port()
        folder.mkdir(mode=0o755)
        shutil.copytree(DEPLOY / "mosquitto", folder / "config")
        config = folder / "config" / "mosquitto.conf"
        text = config.read_text()
        for delivered, ours in ((8883, port), (8884, inside)):
            assert text.count(f"listener {delivered}\n") == 1
            text = text.replace(f"listener {delivered}\n", f"listener {ours} 127.0.0.1\n")
        config.write_text(text)
        certificates = core.folder / "pki" / "mosquitto"
        (folder / "certs").symlink_to(certificates)
        data = folder / "data"
        data.mkdir()
        own(data, certificates)
        self.inside = inside
        super().__init__(
            name="Mosquitto",
            command=[binary, "-c", "config/mosquitto.conf"],
            port=port,
            log=folder / "mosquitto.log",
            ready=lambda: accepts(port) and accepts(inside),
            user=user_of(certificates),
            cwd=folder,
        )
