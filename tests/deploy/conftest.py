"""The core's files, made once, and the servers that run on them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose_file import load, read_env
from tests.deploy.core_files import CoreFiles
from tests.deploy.kafka import ProductionKafka
from tests.deploy.mosquitto import ProductionMosquitto


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder that servers of other users may enter; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ioc-deploy-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def core(place: Path) -> CoreFiles:
    """What ``setup.sh init`` makes."""
    files = CoreFiles(place / "core")
    files.init()
    return files


@pytest.fixture(scope="module")
def broker(
    place: Path, core: CoreFiles, request: pytest.FixtureRequest
) -> Iterator[ProductionMosquitto]:
    """Mosquitto as it runs in production; a test that kills it starts it again.

    Each module has its own: what one retained the next would hear.
    """
    server = ProductionMosquitto(place / f"mosquitto-{request.module.__name__}", core)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka(place: Path, core: CoreFiles) -> Iterator[ProductionKafka]:
    """Apache Kafka as it runs in production; a test that kills it starts it again."""
    server = ProductionKafka(place / "kafka", load(read_env(core.env_file))["services"]["kafka"])
    assert "Formatting" in (said := server.prepare()), said
    server.start()
    yield server
    server.stop()
