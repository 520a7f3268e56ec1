"""What a console takes, from whom, and what it refuses."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from ioc.commands.console import app as commands
from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings, load_settings
from tests.console.intake.requests import ask, put, sha
from tests.console.senders import (
    OTHER,
    PATH,
    LiveConsole,
    enrol,
    grant,
    make_set,
    rows,
    stored,
    until,
)
from tests.vision.evidence.sets import key_of


def test_a_manifest_of_another_device_is_refused_until_the_token_is_right(
    console: LiveConsole, database: DatabaseSettings, tmp_path: Path
) -> None:
    evidence = make_set(tmp_path / "node", tmp_path / "keys")
    manifest = next(ref.sha256 for ref in evidence.refs if ref.role == "manifest")
    data = stored(tmp_path / "node", manifest)
    answer = put(console, grant(database, OTHER), data)
    assert (answer.status_code, answer.json()["error"]) == (403, "upload_foreign")
    assert PATH.source in answer.json()["message"]
    assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]
    neighbour = PATH._replace(device="cam-2")
    assert put(console, grant(database, neighbour), data).status_code == 403
    assert put(console, grant(database, neighbour, parts=2), data).status_code == 201


@pytest.mark.parametrize("parts", [1, 2])
def test_files_of_a_whole_site_get_their_device_from_the_manifest(
    parts: int, console: LiveConsole, database: DatabaseSettings, tmp_path: Path
) -> None:
    evidence = make_set(tmp_path / "node", tmp_path / "keys")
    enrol(database, key_of(tmp_path / "keys"))
    token = grant(database, parts=parts)
    *files, manifest = [stored(tmp_path / "node", ref.sha256) for ref in evidence.refs]
    for data in files:
        assert put(console, token, data).status_code == 201
    assert set(rows(database, "SELECT device FROM evidence")) == {("",)}
    assert put(console, token, manifest).status_code == 201
    assert set(rows(database, "SELECT city, site, device FROM evidence")) == {tuple(PATH)}


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/keys",
        "a" * 63,
        "A" * 64,
        "g" * 64,
        "a" * 64 + "%00",
        "a" * 64 + "%0a",
        "%61" * 63 + "/",
    ],
)
def test_only_a_digest_names_a_file(
    name: str, console: LiveConsole, database: DatabaseSettings
) -> None:
    before = _files(console.folder)
    # Not through httpx, which tidies up paths before it sends them.
    request = (
        f"PUT /evidence/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {grant(database)}\r\n"
        "Content-Length: 3\r\nConnection: close\r\n\r\nabc"
    )
    with socket.create_connection(("127.0.0.1", console.port)) as connection:
        connection.sendall(request.encode())
        status = int(connection.makefile("rb").readline().split()[1])
    assert status in (307, 404, 405, 422)
    assert _files(console.folder) == before


def _files(folder: Path) -> set[Path]:
    """What uploads could have written; the console's own work goes on beside."""
    return {path for path in folder.rglob("*") if path.suffix not in (".json", "")} | {
        path for part in ("originals", "work/uploads") for path in (folder / part).rglob("*")
    }


def test_two_senders_of_the_same_file_at_once(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data = os.urandom(24 * 2**20)
    ours, theirs = grant(database), grant(database, OTHER)
    statuses: list[int] = []

    def send(token: str) -> None:
        statuses.append(put(console, token, data).status_code)

    threads = [threading.Thread(target=send, args=(t,)) for t in (ours, ours, ours, theirs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 201, 409, 423}
    assert put(console, ours, data).status_code in (200, 201)
    assert console.original(sha(data)).read_bytes() == data
    lines = rows(database, "SELECT count(*) FROM audit WHERE action = 'evidence.received'")
    assert lines == [(1,)]


def test_a_second_request_waits_while_the_first_still_sends(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(2 * 2**20), grant(database)
    go_on = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield data[: 2**20]
        go_on.wait(20)
        yield data[2**20 :]

    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Length": str(len(data)),
        "Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}",
    }
    answers: list[httpx.Response] = []
    first = threading.Thread(
        target=lambda: answers.append(
            httpx.put(f"{console.url}/{sha(data)}", content=slowly(), headers=headers)
        )
    )
    first.start()
    uploads = console.folder / "work" / "uploads"
    until(lambda: any(uploads.iterdir()))
    second = put(console, token, data)
    assert (second.status_code, second.json()["error"]) == (423, "upload_locked")
    go_on.set()
    first.join()
    assert answers[0].status_code == 201
    assert console.original(sha(data)).read_bytes() == data


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Range": "bytes 0-99/50"}, 400),
        ({"Content-Range": "bytes 5-1/50"}, 400),
        ({"Content-Range": "items 0-1/2"}, 400),
        ({"Content-Range": "bytes 0-1/2"}, 400),
        ({"Content-Range": f"bytes 0-99/{2**50}"}, 413),
        ({"Repr-Digest": "sha-256=:AAAA:"}, 400),
        ({"Repr-Digest": "sha-256=nonsense"}, 400),
        ({"Content-Type": "text/html; charset=" + "x" * 5000}, 201),
    ],
)
def test_headers_are_believed_only_where_they_can_be(
    headers: dict[str, str], status: int, console: LiveConsole, database: DatabaseSettings
) -> None:
    data = os.urandom(100)
    answer = put(console, grant(database), data, **headers)
    assert answer.status_code == status
    if status != 201:
        assert answer.json()["message"]
        assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]


def test_without_a_device_token_nothing_goes_in_or_is_told(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data = os.urandom(100)
    assert put(console, "nobody", data).status_code == 401
    assert httpx.head(f"{console.url}/{sha(data)}").status_code == 401
    other = grant(database, scope="handover")
    assert put(console, other, data).status_code == 403
    gone = grant(database, revoked="2026-01-01")
    assert put(console, gone, data).status_code == 401
    assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]
    assert httpx.get(f"{console.url}/{sha(data)}").status_code == 405, "originals are not served"


def test_a_sender_that_stops_in_the_middle_leaves_what_it_sent(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(5 * 2**20), grant(database)

    def cut() -> Iterator[bytes]:
        yield data[: 3 * 2**20 + 17]
        raise RuntimeError("the line is gone")

    headers = {"Authorization": f"Bearer {token}", "Content-Length": str(len(data))}
    with pytest.raises(RuntimeError):
        httpx.put(f"{console.url}/{sha(data)}", content=cut(), headers=headers)
    until(lambda: ask(console, token, sha(data)).status_code == 200)
    until(lambda: int(ask(console, token, sha(data)).headers["Upload-Offset"]) > 3 * 2**20)
    held = int(ask(console, token, sha(data)).headers["Upload-Offset"])
    span = {"Content-Range": f"bytes {held}-{len(data) - 1}/{len(data)}"}
    answer = put(console, token, data[held:], name=sha(data), **span)
    assert answer.status_code in (201, 423)
    if answer.status_code == 201:
        assert console.original(sha(data)).read_bytes() == data


def test_memory_stays_small_while_large_files_arrive(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    """Peak of memory that is not mapped from files: 60 MiB more would be one whole file."""
    data, token = os.urandom(60 * 2**20), grant(database)
    assert put(console, token, b"warm").status_code == 201
    pid = console._process.pid if console._process else 0
    before = _anonymous_kib(pid)
    peak = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.append(_anonymous_kib(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert put(console, token, data).status_code == 201
    done.set()
    watcher.join()
    assert max(peak) - before < 20 * 1024


def _anonymous_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


def test_the_commands_enrol_and_revoke(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    load_settings.cache_clear()
    key = key_of(tmp_path / "keys")
    pem = tmp_path / "public.pem"
    pem.write_text("# vithanh/tran-hung-dao/cam-1\n" + key.public_pem())

    def command(*words: str) -> Result:
        return CliRunner().invoke(commands, list(words))

    enrolled = ("enrol", str(pem), "--device", PATH.key)
    assert command(*enrolled, "--note", "Tổ lắp đặt").exit_code == 0
    again = command(*enrolled).exception
    assert isinstance(again, ConfigError)
    assert "is enrolled" in str(again)
    assert command("revoke-key", key.id, "--note", "mất camera").exit_code == 0
    assert "no key of this id" in str(command("revoke-key", key.id).exception)
    assert "was revoked" in str(command(*enrolled).exception)
    assert rows(database, "SELECT note, revoked IS NOT NULL FROM device_key") == [
        ("Tổ lắp đặt; mất camera", True)
    ]
    actions = rows(database, "SELECT action, subject FROM audit WHERE action LIKE 'key.%%'")
    assert actions == [
        ("key.enrolled", f"device:{PATH.source}"), ("key.revoked", f"device:{PATH.source}"),
    ]  # fmt: skip
    pem.write_text("no key")
    assert "ioc evidence key" in str(command(*enrolled).exception)
    pem.write_text(key.public_pem() * 2)
    assert "expected one" in str(command(*enrolled).exception)
    assert "--device" in str(command("enrol", str(pem), "--device", "nowhere").exception)
    assert "future" in str(command("revoke-key", key.id, "--since", "2999-01-01").exception)
