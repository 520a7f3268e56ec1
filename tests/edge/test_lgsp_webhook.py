"""The webhook on a real socket: taken when it is on the disk, refused with the field at fault."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from edge.lgsp import server as server_module
from edge.lgsp.config import PushTable
from edge.lgsp.counters import LgspCounters
from edge.lgsp.intake import Message, Taken, UsedMessageError
from edge.lgsp.mapping import Translation, Value, Window
from edge.lgsp.server import WebhookServer
from edge.lgsp.told import ToldError
from edge.lgsp.webhook import Bucket, Webhook
from edge.publisher import PublisherStoppedError
from edge.spool_file import SpoolFullError
from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.local_process import free_port
from ioc.webhook_signing import sign
from tests.edge.evidence_server import make_authority

SECRET = b"s" * 32
TABLE: dict[str, Any] = {
    "secret_file": "unused",
    "max_kb": 4,
    "mapping": {
        "time": {"path": "t"},
        "value": [
            {"quantity": "gov.late_files", "path": "late"},
            {"quantity": "gov.satisfaction", "path": "happy"},
        ],
    },
}


class Door:
    """A webhook that listens, what it handed on, and how to knock."""

    def __init__(self, **more: Any) -> None:
        self.settings = PushTable.model_validate({**TABLE, "port": free_port(), **more})
        self.taken: list[tuple[Value, ...]] = []
        self.messages: list[Message] = []
        self.fails: list[Exception] = []
        self.hold_s = 0.0
        self.counters = LgspCounters()
        translation = Translation(
            self.settings.mapping, Window(timedelta(days=30), timedelta(minutes=5))
        )
        app = Webhook(self.settings, (SECRET,), translation, self._take, self.counters, utc_now)
        self.server = WebhookServer(self.settings, app)

    async def _take(self, values: Sequence[Value], message: Message) -> Taken:
        await asyncio.sleep(self.hold_s)
        if self.fails:
            raise self.fails.pop()
        self.taken.append(tuple(values))
        self.messages.append(message)
        return Taken(len(values), 0)

    @property
    def url(self) -> str:
        scheme = "http" if self.settings.cert_file is None else "https"
        return f"{scheme}://127.0.0.1:{self.settings.port}{self.settings.path}"

    async def knock(
        self,
        document: Any = None,
        *,
        body: bytes | None = None,
        at_s: float | None = None,
        name: str = "msg_1",
        headers: dict[str, str] | None = None,
        method: str = "POST",
        path: str | None = None,
        verify: Any = True,
    ) -> httpx.Response:
        """Post a document, signed as it should be unless told otherwise."""
        if body is None:
            body = msgspec.json.encode(good() if document is None else document)
        second = int(time.time() if at_s is None else at_s)
        signed = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(second),
            "webhook-signature": sign(SECRET, name, second, body),
            **(headers or {}),
        }
        url = self.url if path is None else self.url.replace(self.settings.path, path)
        async with httpx.AsyncClient(trust_env=False, verify=verify, timeout=20) as client:
            return await client.request(method, url, content=body, headers=signed)


def good(**more: Any) -> dict[str, Any]:
    return {"t": utc_now().isoformat(), "late": 12, "happy": "97,5%", **more}


@asynccontextmanager
async def opened(**more: Any) -> AsyncIterator[Door]:
    door = Door(**more)
    serving = asyncio.create_task(door.server.run_here())
    try:
        yield door  # it listens already
    finally:
        door.server.leave()
        await serving


async def test_a_signed_message_is_taken_and_the_answer_says_how_much() -> None:
    async with opened() as door:
        answer = await door.knock()
        assert answer.status_code == 202
        assert answer.json() == {"taken": 2, "repeated": 0, "missing": [], "refused": []}
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    ((late, happy),) = door.taken
    assert (late.quantity, late.value, late.unit) == ("gov.late_files", 12.0, "1")
    assert (happy.quantity, happy.value, happy.unit) == ("gov.satisfaction", 97.5, "%")
    assert door.messages[0].id == "msg_1"
    assert door.counters.pushes == {202: 1}
    assert door.counters.values["push", "published"] == 2


async def test_the_answer_waits_for_the_disk() -> None:
    async with opened() as door:
        door.hold_s = 0.5
        knock = asyncio.create_task(door.knock())
        await asyncio.sleep(0.3)
        assert not knock.done()
        assert (await knock).status_code == 202
        assert len(door.taken) == 1


async def test_one_bad_value_is_named_and_the_others_are_taken() -> None:
    async with opened() as door:
        answer = await door.knock(good(late="nhiều"))
        assert answer.status_code == 202
        document = answer.json()
        assert document["taken"] == 1
        assert [refused["field"] for refused in document["refused"]] == ["gov.late_files.value"]


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"t": "2025-11-21T00:00:00Z", "late": "x"}, ["gov.late_files.value"]),
        ({"late": 1, "happy": 90}, ["gov.late_files.time", "gov.satisfaction.time"]),
        ({"t": "2999-01-01T00:00:00Z", "late": 1}, ["gov.late_files.time"]),
        ({}, ["gov.late_files.value", "gov.satisfaction.value"]),
        ([], ["gov.late_files.value", "gov.satisfaction.value"]),
    ],
)
async def test_a_message_that_says_nothing_is_a_problem_that_names_the_fields(
    document: Any, fields: list[str]
) -> None:
    async with opened() as door:
        answer = await door.knock(document)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert [error["field"] for error in problem["errors"]] == fields
    assert all(error["detail"] for error in problem["errors"])
    assert door.taken == []


@pytest.mark.parametrize("body", [b"", b"{", b"late=12", b"\xff\xfe", b"[" * 60 + b"]" * 60])
async def test_bytes_that_are_no_json_are_a_problem(body: bytes) -> None:
    async with opened() as door:
        answer = await door.knock(body=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "$"


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"webhook-signature": "v1,AAAA"}, "webhook-signature"),
        ({"webhook-signature": ""}, "webhook-signature"),
        ({"webhook-id": "msg_2"}, "webhook-signature"),
        ({"webhook-id": ""}, "webhook-id"),
        ({"webhook-timestamp": "now"}, "webhook-timestamp"),
    ],
)
async def test_who_cannot_sign_is_refused(headers: dict[str, str], field: str) -> None:
    async with opened() as door:
        answer = await door.knock(headers=headers)
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith(field)
    assert door.taken == []


@pytest.mark.parametrize("off_s", [-310, 310])
async def test_a_message_of_another_time_is_refused(off_s: float) -> None:
    async with opened() as door:
        answer = await door.knock(at_s=time.time() + off_s)
    assert answer.status_code == 401
    assert "webhook-timestamp" in answer.json()["detail"]


async def test_an_id_that_was_anothers_is_a_problem() -> None:
    async with opened() as door:
        door.fails.append(UsedMessageError("msg_1"))
        answer = await door.knock()
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "webhook-id"


@pytest.mark.parametrize(
    "fault", [SpoolFullError("full"), ToldError("broken"), PublisherStoppedError("ending")]
)
async def test_without_a_disk_the_sender_is_asked_to_come_again(fault: Exception) -> None:
    async with opened() as door:
        door.fails.append(fault)
        answer = await door.knock()
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert str(fault) not in answer.text
        assert (await door.knock(name="msg_2")).status_code == 202


async def test_a_message_that_is_too_large_gets_its_reason() -> None:
    async with opened() as door:
        for size in (4097, 20_000):
            answer = await door.knock(body=b" " * size)
            assert answer.status_code == 413
            assert "at most 4096 bytes" in answer.json()["detail"]
        assert (await door.knock(body=b"{}".ljust(4096))).status_code == 400, "read, and empty"


async def test_a_length_beyond_all_patience_is_refused_before_the_body() -> None:
    async with opened() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.settings.port)
        writer.write(b"POST /lgsp HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n{")
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_a_stated_length_is_bounded_too() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 1000

    async with opened() as door, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            door.url, content=endless(), headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413


async def test_other_addresses_methods_and_types_are_told_what_is_wanted() -> None:
    async with opened() as door:
        assert (await door.knock(path="/")).status_code == 404
        answer = await door.knock(method="PUT")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = await door.knock(headers={"content-type": "text/plain"})
        assert answer.status_code == 415
        answer = await door.knock(headers={"content-type": "Application/JSON; charset=utf-8"})
        assert answer.status_code == 202


async def test_more_messages_than_agreed_are_put_off() -> None:
    async with opened(per_minute=3) as door:
        codes = [(await door.knock(name=f"msg_{n}")).status_code for n in range(4)]
        assert codes == [202, 202, 202, 429]
        answer = await door.knock(name="msg_9")
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        unsigned = await door.knock(headers={"webhook-signature": "v1,AAAA"})
        assert unsigned.status_code == 401, "strangers take nothing from the agreed number"


def test_the_agreed_number_comes_back_with_time() -> None:
    now = [0.0]
    bucket = Bucket(60, lambda: now[0])
    assert [bucket.take() for _ in range(61)] == [0.0] * 60 + [1.0]
    now[0] += 0.5
    assert bucket.take() == pytest.approx(0.5)
    now[0] += 0.5
    assert bucket.take() == 0.0
    now[0] += 3600
    assert [bucket.take() for _ in range(61)].count(0.0) == 60, "a long pause saves up no more"


@pytest.mark.parametrize(
    "begin", [b"", b"POST /lgsp HTTP/1.1\r\nHost: a\r\n", b"POST /lgsp HTTP/1.1\r\nHost: a\r\n"
              b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"],
)  # fmt: skip
async def test_a_sender_that_drips_is_cut_off(
    begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "REQUEST_S", 1.0)
    async with opened() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.settings.port)
        writer.write(begin)
        began = time.monotonic()

        async def drip() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        except ConnectionError:
            pass
        finally:
            dripping.cancel()
            writer.close()
        assert time.monotonic() - began < 5
        assert (await door.knock()).status_code == 202


async def test_a_header_without_end_is_refused() -> None:
    async with opened() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.settings.port)
        writer.write(b"POST /lgsp HTTP/1.1\r\nX: " + b"a" * 200_000)
        async with asyncio.timeout(10):
            try:
                answer = await reader.read()
            except ConnectionError:
                answer = b""
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400") or answer == b""
        assert (await door.knock()).status_code == 202


async def test_over_tls_only_clients_of_our_authority_get_in(tmp_path: Path) -> None:
    files = make_authority(tmp_path)
    tls = {"cert_file": files["server"], "key_file": files["server_key"]}
    trust = ssl.create_default_context(cafile=files["ca"])
    async with opened(**tls) as door:
        assert (await door.knock(verify=trust)).status_code == 202
    async with opened(**tls, client_ca_file=files["ca"]) as door:
        with pytest.raises(httpx.TransportError):
            await door.knock(verify=trust)
        trust.load_cert_chain(files["node"], files["node_key"])
        assert (await door.knock(verify=trust)).status_code == 202


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"push\.port {port}: cannot listen on 127\.0\.0\.1"):
            Door(port=port)


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no")
    with pytest.raises(ConfigError, match=r"push\.cert_file: .*no\.pem: .*give a PEM file"):
        Door(cert_file=tmp_path / "no.pem", key_file=tmp_path / "no.pem")
