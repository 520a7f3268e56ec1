"""One system of each flavour for all fault tests, and the table of their accounts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.account import TABLE
from tests.faults.system import Flavour, System


@pytest.fixture(scope="session")
def systems() -> Iterator[dict[Flavour, System]]:
    """The systems in use; at most one runs at a time, since the machine is small."""
    running: dict[Flavour, System] = {}
    yield running
    for system in running.values():
        system.stop()
        shutil.rmtree(system.folder, ignore_errors=True)


@pytest.fixture(
    scope="session", params=["embedded", pytest.param("real", marks=pytest.mark.service)]
)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Which servers."""
    name: Flavour = request.param
    return name


@pytest.fixture
def system(flavour: Flavour, systems: dict[Flavour, System]) -> System:
    """The system of a flavour, with everything running."""
    for other in [name for name in systems if name != flavour]:
        gone = systems.pop(other)
        gone.stop()
        shutil.rmtree(gone.folder, ignore_errors=True)
    found = systems.get(flavour)
    if found is None:
        folder = Path(tempfile.mkdtemp(prefix="ioc-faults-"))
        folder.chmod(0o755)  # PostgreSQL of a root user runs as "nobody", who must get in
        found = System(flavour, folder)
        try:
            found.start()
        except BaseException:
            # Half a system is no system: the next test begins with a new one.
            found.stop()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        systems[flavour] = found
    else:
        found.heal()
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The ends of the services' logs, with a test that failed."""
    report = yield
    used: System | None = getattr(item, "funcargs", {}).get("system")
    if report.failed and used is not None:
        for service in (used.bridge, *used.workers):
            report.sections.append((f"log of {service.name}", "\n".join(service.log_tail(40))))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The accounts, a line a test."""
    if not TABLE:
        return
    terminalreporter.section("fault tests: every minted number against the database")
    head = "test                       flavour   minted stored double sent  aside lost doubled"
    terminalreporter.write_line(f"{head} waiting     s")
    for line in TABLE:
        terminalreporter.write_line(
            f"{line.test:<26} {line.flavour:<9} {line.minted:>6} {line.stored:>6} "
            f"{line.duplicates:>11} {line.set_aside:>6} {line.lost:>4} {line.doubled:>7} "
            f"{line.waiting:>7} {line.seconds:>5.0f}  {line.note}"
        )
