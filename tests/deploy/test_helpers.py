"""The small programs inside our image: the health check, and secrets from files."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.core_files import DEPLOY

HEALTHY = DEPLOY / "compose" / "healthy.py"
WITH_SECRETS = DEPLOY / "compose" / "with-secrets.sh"
PAGE = b'# HELP x y\nioc_ready 1.0\nioc_idle 0.0\nioc_labelled{topic="a"} 3.0\nioc_readiness 9\n'


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 503)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "metric", "code", "says"),
    [
        ("/metrics", None, 0, ""),
        ("/metrics", "ioc_ready", 0, ""),
        ("/metrics", "ioc_labelled", 0, ""),
        ("/metrics", "ioc_idle", 1, "ioc_idle is 0.0"),
        ("/metrics", "ioc_read", 1, "has no ioc_read"),
        ("/health", None, 1, "503"),
    ],
)
def test_what_counts_as_healthy(
    address: str, path: str, metric: str | None, code: int, says: str
) -> None:
    arguments = [address + path, *([metric] if metric else [])]
    done = subprocess.run(
        [sys.executable, str(HEALTHY), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code and says in done.stderr


def test_nobody_there_is_not_healthy() -> None:
    done = subprocess.run(
        [sys.executable, str(HEALTHY), "http://127.0.0.1:9/metrics"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "refused" in done.stderr
    wrong = subprocess.run([sys.executable, str(HEALTHY)], capture_output=True, check=False)
    assert wrong.returncode == 2


def _with_secrets(**environment: str) -> subprocess.CompletedProcess[str]:
    show = 'printf "%s|" "$AWS_SECRET" "${AWS_SECRET__FILE-gone}" "$PLAIN" "$1"'
    return subprocess.run(
        [str(WITH_SECRETS), "sh", "-c", show, "sh", "an argument"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_finds_its_secret_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "a secret"
    file.write_text("to$p \"s'ecret`\n")
    done = _with_secrets(AWS_SECRET__FILE=str(file), PLAIN="a b")
    assert done.stdout == "to$p \"s'ecret`|gone|a b|an argument|"


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = _with_secrets(AWS_SECRET__FILE=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "AWS_SECRET__FILE" in done.stderr and "setup.sh init" in done.stderr
