"""The description of the programs' interface, and the interface held against it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from console.app import build
from console.auth.access import ROUTES
from ioc.local_process import free_port
from ioc.settings import DatabaseSettings
from tests.console.custody import (
    Hands,
    enter_people,
    settings_of,
)
from tests.console.programs import NOON, enter_credential, enter_sites, make_case
from tests.servers import ROOT


@pytest.fixture
def served(database: DatabaseSettings, tmp_path: Path) -> Iterator[str]:
    """The address of a console that listens, with cases of all kinds."""
    asyncio.run(enter_people(database))
    enter_sites(database)
    for at in ("vithanh/tran-hung-dao", "ngabay/hung-vuong"):
        make_case(database, at=at)
    make_case(database, rule="speeding", vehicle="car", speed_kmh=72.0, limit_kmh=50.0)
    make_case(database, rule="no_helmet", vehicle="car", plate=None)
    make_case(database, state="rejected")
    app = build(settings_of(database, tmp_path), Hands(NOON + timedelta(days=1)))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def description(address: str) -> dict[str, Any]:
    """As anybody may read it."""
    answer = httpx.get(f"{address}/api/openapi.json")
    assert answer.status_code == 200
    found = answer.json()
    assert isinstance(found, dict)
    return found


def test_it_describes_what_programs_may_call_and_nothing_else(served: str) -> None:
    made = description(served)
    described = {
        f"{method.upper()} {path}" for path, item in made["paths"].items() for method in item
    }
    handed = {route for route, access in ROUTES.items() if access == "handover"}
    assert described == handed | {"GET /health", "GET /api/openapi.json"}
    (name, scheme), *others = made["components"]["securitySchemes"].items()
    assert others == []
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, item in made["paths"].items():
        for operation in item.values():
            assert operation.get("security") == ([{name: []}] if "/v1/" in path else None), path
            for status, response in operation["responses"].items():
                if status >= "4":
                    assert list(response["content"]) == ["application/json"], (path, status)
    ld = made["paths"]["/api/v1/fiware/{type}"]["get"]["responses"]["200"]["content"]
    assert list(ld) == ["application/ld+json"]


def test_no_parameter_may_be_null(served: str) -> None:
    for item in description(served)["paths"].values():
        for parameter in item["get"].get("parameters", ()):
            assert "type" in parameter["schema"], parameter


@pytest.mark.slow
def test_the_interface_is_as_described(
    served: str, database: DatabaseSettings, tmp_path: Path
) -> None:
    token = enter_credential(database, "schemathesis")
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run"),
            f"{served}/api/openapi.json",
            *("--url", served, "--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "25", "--continue-on-failure", "--seed", "20261120"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.console.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout
