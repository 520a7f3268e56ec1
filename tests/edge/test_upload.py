"""Uploads against a server over real TLS that cuts, forgets, lies and refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evidence_store import EvidenceStore, NewFile
from edge.upload import Uploader
from edge.upload_answer import Verdict, judge_head, judge_put
from ioc.errors import ConfigError
from ioc.settings import EvidenceSettings
from tests.edge.evidence_server import EvidenceServer, make_authority
from tests.servers import ROOT

CLIP = NewFile("clip", os.urandom(300_000), "video/mp4")
STILL = NewFile("at", os.urandom(20_000), "image/jpeg")
MANIFEST = os.urandom(500)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(authority: dict[str, Path]) -> Iterator[EvidenceServer]:
    running = EvidenceServer(authority)
    yield running
    running.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvidenceStore]:
    opened = EvidenceStore(tmp_path / "store", budget_bytes=2**26)
    opened.commit([CLIP, STILL], MANIFEST)
    yield opened
    opened.close()


Start = Callable[..., Uploader]


@pytest.fixture
def start(
    store: EvidenceStore, server: EvidenceServer, authority: dict[str, Path]
) -> Iterator[Start]:
    begun: list[Uploader] = []

    def begin(**changes: object) -> Uploader:
        values = {"upload_url": server.url, "ca_file": authority["ca"], "retry_max_s": 0.05}
        settings = EvidenceSettings.model_validate({**values, **changes})
        uploader = Uploader(store, settings, first_wait_s=0.01)
        begun.append(uploader)
        uploader.start()
        return uploader

    yield begin
    for uploader in begun:
        uploader.stop()


def assert_arrived(server: EvidenceServer, store: EvidenceStore) -> None:
    assert server.held[CLIP.sha256] == CLIP.data
    assert server.held[STILL.sha256] == STILL.data
    assert server.order[-1] == store.manifests()[0], "the manifest goes last"
    assert store.stats().pending_sets == 0


def test_every_file_arrives_manifest_last(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    assert start().drain(10)
    assert_arrived(server, store)
    assert [request[2] for request in server.requests if request[0] == "PUT"] == [
        "bytes 0-299999/300000",
        "bytes 0-19999/20000",
        "bytes 0-499/500",
    ]


def test_a_cut_upload_goes_on_where_it_broke_off(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.cut_after = [100_000, 60_000]
    assert start().drain(10)
    assert_arrived(server, store)
    spans = [r[2] for r in server.requests if r[0] == "PUT" and r[1] == CLIP.sha256]
    starts = [int(span.removeprefix("bytes ").split("-")[0]) for span in spans]
    assert starts[0] == 0
    assert starts[1] >= 100_000
    assert starts[2] >= 160_000


@pytest.mark.parametrize("statuses", [[503, 500, 503], [401, 403], [429, 302]])
def test_a_server_in_trouble_is_asked_again_and_nothing_is_set_aside(
    statuses: list[int], server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.statuses = list(statuses)
    uploader = start()
    assert uploader.drain(10)
    assert_arrived(server, store)
    assert uploader.stats().failures == len(statuses)
    assert uploader.stats().refused == 0


def test_a_server_that_forgot_gets_everything_again(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.offsets = ["200000"]  # it says so, but holds nothing: 409 is its answer to the PUT
    assert start().drain(10)
    assert_arrived(server, store)


@pytest.mark.parametrize("lie", ["999999999", "-5", "x", "", "9" * 30])
def test_an_offset_that_cannot_be_is_none(
    lie: str, server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.offsets = [lie]
    assert start().drain(10)
    assert_arrived(server, store)


def test_bytes_that_the_server_got_wrong_are_sent_again(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.held[CLIP.sha256] = os.urandom(1000)
    assert start().drain(10)
    assert_arrived(server, store)


def test_what_is_too_large_for_the_server_is_set_aside_and_counted(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.statuses = [413]
    uploader = start()
    assert uploader.drain(10)
    assert CLIP.sha256 not in server.whole
    assert {STILL.sha256, store.manifests()[0]} <= server.whole
    assert uploader.stats().refused == 1
    assert store.stats().counts["upload_refused"] == 1


def test_a_file_that_the_disk_changed_never_leaves_the_node_as_evidence(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    path = store.path(CLIP.sha256)
    path.write_bytes(bytes([CLIP.data[0] ^ 1]) + CLIP.data[1:])
    assert start().drain(10)
    assert CLIP.sha256 not in server.whole
    assert store.stats().counts["damaged"] == 1


def test_a_file_that_the_server_has_is_not_sent(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    server.held[CLIP.sha256] = CLIP.data
    server.whole.add(CLIP.sha256)
    assert start().drain(10)
    assert not [r for r in server.requests if r[:2] == ("PUT", CLIP.sha256)]


def test_the_token_is_read_from_its_file(
    server: EvidenceServer, store: EvidenceStore, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    assert start(token_file=tmp_path / "token").drain(10)
    assert {request[3] for request in server.requests} == {"Bearer s3cret"}


def test_mutual_tls(store: EvidenceStore, start: Start, authority: dict[str, Path]) -> None:
    strict = EvidenceServer(authority, mutual=True)
    try:
        stranger = start(upload_url=strict.url)
        assert not stranger.drain(0.5)
        assert not strict.requests
        stranger.stop()
        known = start(
            upload_url=strict.url,
            cert_file=authority["node"],
            key_file=authority["node_key"],
        )
        assert known.drain(10)
    finally:
        strict.close()


def test_an_unknown_authority_gets_nothing(
    server: EvidenceServer, store: EvidenceStore, start: Start
) -> None:
    uploader = start(ca_file=None)
    assert not uploader.drain(0.5)
    assert uploader.stats().failures > 0
    assert not server.requests


def test_bandwidth_is_kept(server: EvidenceServer, store: EvidenceStore, start: Start) -> None:
    began = time.monotonic()
    assert start(bandwidth_kbps=4000).drain(10)
    # 320.5 kB at 4 Mbit/s; the last of each file need not wait for the next.
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"upload_url": None}, "evidence.upload_url: missing"),
        ({"upload_url": "http://core.example/x"}, "use https://"),
        ({"upload_url": "https://core.example/x?y=1"}, "a host and a path"),
        ({"ca_file": Path("/nowhere.pem")}, "evidence.ca_file: /nowhere.pem"),
        ({"key_file": Path("/nowhere.pem")}, "evidence.cert_file: missing"),
    ],
)
def test_wrong_settings_name_the_mend(
    changes: dict[str, object], mend: str, store: EvidenceStore
) -> None:
    values = {"upload_url": "https://core.example/x", **changes}
    with pytest.raises(ConfigError, match=mend.replace("?", ".")):
        Uploader(store, EvidenceSettings.model_validate(values))


@given(
    status=st.one_of(st.sampled_from([200, 201, 204]), st.integers(100, 599)),
    offset=st.one_of(
        st.sampled_from(["999", "1000", "1001"]),
        st.text(max_size=20),
        st.integers(-5, 3000).map(str),
    ),
    complete=st.sampled_from(["?1", "?0", ""]),
)
def test_no_answer_but_a_clear_one_ends_an_upload(status: int, offset: str, complete: str) -> None:
    headers = {"Upload-Offset": offset, "Upload-Complete": complete}
    head, put = judge_head(status, headers, 1000), judge_put(status, headers, 1000)
    if head.verdict is Verdict.WHOLE:
        assert (status in (200, 201, 204), offset.strip(), complete) == (True, "1000", "?1")
    assert (put.verdict is Verdict.WHOLE) == (status in (200, 201, 204))
    for answer in (head, put):
        assert 0 <= answer.offset <= 1000
    if put.verdict is Verdict.NEVER:
        assert 400 <= status < 500
        assert status not in (401, 403, 404, 409, 416, 429)


PROCESS = """
import sys
from pathlib import Path
from edge.evidence_store import EvidenceStore
from edge.upload import Uploader
from ioc.settings import EvidenceSettings
folder, url, ca = sys.argv[1:]
store = EvidenceStore(Path(folder), budget_bytes=2**26)
settings = EvidenceSettings(upload_url=url, ca_file=Path(ca), retry_max_s=0.05, bandwidth_kbps=2000)
uploader = Uploader(store, settings, first_wait_s=0.01)
uploader.start()
sys.exit(0 if uploader.drain(30) else 1)
"""


def test_a_killed_uploader_goes_on_where_it_was(
    server: EvidenceServer, store: EvidenceStore, authority: dict[str, Path]
) -> None:
    manifest = store.manifests()[0]
    store.close()
    command = [sys.executable, "-c", PROCESS, str(store.folder), server.url, str(authority["ca"])]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=env)
    killed = False

    def kill(_bytes: int) -> None:
        nonlocal killed
        if not killed and len(server.held[CLIP.sha256]) > 100_000:
            killed = True
            process.send_signal(signal.SIGKILL)

    server.on_bytes = kill
    try:
        assert process.wait(30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    assert subprocess.run(command, env=env, timeout=60, check=False).returncode == 0
    assert server.whole == {CLIP.sha256, STILL.sha256, manifest}
    spans = [r[2] for r in server.requests if r[0] == "PUT" and r[1] == CLIP.sha256]
    assert int(spans[1].removeprefix("bytes ").split("-")[0]) > 100_000
