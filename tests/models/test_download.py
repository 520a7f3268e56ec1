"""What a server may do to a download, on a real one."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.download import Fetcher, Limits, SourceError, _check_address, shown
from models.part import DiskError, held_part, path_of
from tests.models.file_server import Answer, FileServer, serving

BODY = random.Random(4).randbytes(300_000)
OTHER = random.Random(5).randbytes(300_000)


def fetch(
    server: FileServer | str,
    folder: Path,
    *,
    size: int | None = None,
    waits: list[float] | None = None,
    limits: Limits | None = None,
) -> bytes:
    url = server if isinstance(server, str) else f"{server.url}/m.onnx"
    waited = [] if waits is None else waits
    fetcher = Fetcher(limits, sleep=waited.append)
    try:
        with held_part(folder / "m.onnx") as part:
            fetcher.fetch(url, part, size, lambda done, whole: None)
            part.finish()
    finally:
        fetcher.close()
    return (folder / "m.onnx").read_bytes()


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(BODY) + 5), max_size=6),
    known=st.booleans(),
    tagged=st.booleans(),
    ranges=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_the_file_is_whole_wherever_the_connection_was_cut(
    cuts: list[int], known: bool, tagged: bool, ranges: list[bool]
) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(BODY) as server:
        server.etag = '"one"' if tagged else None
        server.script = [
            Answer(cut=cut, ranges=does) for cut, does in zip(cuts, ranges, strict=False)
        ]

        found = fetch(
            server, Path(folder), size=len(BODY) if known else None, limits=Limits(tries=9)
        )

        assert found == BODY
        assert sorted(path.name for path in Path(folder).iterdir()) == ["m.onnx"]


def test_a_cut_download_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.script = [Answer(cut=100_000)]

        assert fetch(server, tmp_path) == BODY

        assert server.ranges_asked() == [None, 100_000]
        assert server.asked[1]["if-range"] == '"one"'


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(cut=0)
        server.script = [Answer(cut=120_000)]
        with pytest.raises(SourceError, match=r"ended|broke"):
            fetch(server, tmp_path, limits=Limits(tries=2))
        server.usual, server.asked = Answer(), []

        assert fetch(server, tmp_path) == BODY
        assert server.ranges_asked() == [120_000]


def test_a_file_that_changed_between_two_parts_is_never_mixed(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.script = [Answer(cut=100_000)]

        def change(_: float) -> None:
            server.body, server.etag = OTHER, '"two"'

        with held_part(tmp_path / "m.onnx") as part:
            fetcher = Fetcher(sleep=change)
            fetcher.fetch(f"{server.url}/m", part, None, lambda done, whole: None)
            part.finish()
        fetcher.close()

        assert (tmp_path / "m.onnx").read_bytes() == OTHER


def test_a_server_whose_file_changes_at_each_try_is_given_up(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(cut=200_000, ranges=False)

        with pytest.raises(SourceError, match="times in a row"):
            fetch(server, tmp_path)

        assert len(server.asked) < 10


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=404), "404 Not Found: no such file there"),
        (Answer(status=403), "403 Forbidden: it wants a login"),
        (Answer(status=401), "401 Unauthorized: it wants a login"),
        (Answer(status=400), "400 Bad Request"),
        (Answer(body=b"<!DOCTYPE html><title>Login"), "a web page came, no model"),
        (Answer(headers={"Content-Type": "text/html; charset=utf-8"}), "a web page came, no model"),
        (Answer(body=b"version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer came"),
        (Answer(headers={"Content-Encoding": "gzip"}), "compressed"),
        (Answer(headers={"Content-Length": "0"}, body=b""), "an empty file"),
        (Answer(headers={"Content-Length": str(3 << 30)}, cut=10), "over the limit of"),
        (Answer(endless=True), "it sends more than 1,000,000 bytes"),
        (Answer(status=206), "206 without saying which part"),
        (Answer(status=302, headers={"Location": "/again"}), "redirects in a circle"),
        (Answer(status=302, headers={"Location": "ftp://127.0.0.1/m"}), "no address to fetch from"),
    ],
)
def test_a_source_that_does_not_give_the_file_is_left_at_once_with_one_line(
    tmp_path: Path, answer: Answer, said: str
) -> None:
    with serving(BODY) as server:
        server.usual = answer
        waits: list[float] = []

        with pytest.raises(SourceError) as caught:
            fetch(server, tmp_path, waits=waits, limits=Limits(cap=1_000_000))

        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert waits == []
        assert not (tmp_path / "m.onnx").exists()


def test_a_size_that_is_not_the_known_one_is_refused(tmp_path: Path) -> None:
    with serving(BODY) as server:
        with pytest.raises(SourceError, match="300,000 bytes there, the manifest says 300,001"):
            fetch(server, tmp_path, size=300_001)

        server.usual = Answer(endless=True)
        with pytest.raises(SourceError, match="it sends more than 299,999 bytes"):
            fetch(server, tmp_path, size=299_999)


def test_a_body_that_ends_early_without_a_word_is_gone_on_with(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.script = [Answer(headers={"Content-Length": None}, cut=90_000)]

        assert fetch(server, tmp_path, size=len(BODY)) == BODY
        assert server.ranges_asked() == [None, 90_000]


def test_a_server_that_errs_is_asked_again_after_the_time_that_it_asks_for(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.script = [Answer(status=503, headers={"Retry-After": "7"}), Answer(status=500)]
        waits: list[float] = []

        assert fetch(server, tmp_path, waits=waits) == BODY

        assert waits[0] == 7
        assert 0 <= waits[1] <= 2


def test_no_wait_is_longer_than_the_limit(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(status=503, headers={"Retry-After": "86400"})
        waits: list[float] = []

        with pytest.raises(SourceError, match="503 Service Unavailable; tried 6 times in a row"):
            fetch(server, tmp_path, waits=waits)

        assert waits == [30.0] * 5


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    with serving(BODY) as server:
        for size in (None, len(BODY)):
            path_of(tmp_path / "m.onnx").write_bytes(OTHER + OTHER)

            assert fetch(server, tmp_path, size=size) == BODY


def test_a_whole_part_needs_nothing_more(tmp_path: Path) -> None:
    with serving(BODY) as server:
        path_of(tmp_path / "m.onnx").write_bytes(BODY)

        assert fetch(server, tmp_path, size=len(BODY)) == BODY
        assert server.asked == []


def test_a_range_that_was_not_asked_for_is_not_believed(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.script = [Answer(cut=100_000), Answer(shift=5)]

        assert fetch(server, tmp_path) == BODY


def test_a_server_that_drips_counts_as_stalled(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(pause_s=0.02, piece=1)
        limits = Limits(tries=2, stall_s=1.5)  # 75 pauses: a busy machine does not fall silent

        with pytest.raises(SourceError, match=r"bytes in \d s; tried 2 times"):
            fetch(server, tmp_path, limits=limits)


def test_a_server_that_falls_silent_counts_as_stalled(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(pause_s=3, piece=1000)

        with pytest.raises(SourceError, match="no answer in time; tried 2 times"):
            fetch(server, tmp_path, limits=Limits(tries=2, stall_s=0.2))


def test_nobody_there(tmp_path: Path) -> None:
    with serving(BODY) as server:
        gone = server.url

    with pytest.raises(SourceError, match="the connection broke"):
        fetch(f"{gone}/m.onnx", tmp_path, limits=Limits(tries=2))


def test_a_full_disk_is_told_with_its_mend(tmp_path: Path) -> None:
    path_of(tmp_path / "m.onnx").symlink_to("/dev/full")

    with serving(BODY) as server, pytest.raises(DiskError, match="the disk is full; make room"):
        fetch(server, tmp_path)


def test_a_file_that_can_never_fit_is_not_begun(tmp_path: Path) -> None:
    with serving(BODY) as server:
        server.usual = Answer(headers={"Content-Length": str(1 << 60)}, cut=10)

        with pytest.raises(DiskError, match="bytes are needed"):
            fetch(server, tmp_path, limits=Limits(cap=1 << 62))

        assert path_of(tmp_path / "m.onnx").stat().st_size == 0


def test_https_is_not_left_for_http() -> None:
    answer = httpx.Response(200, request=httpx.Request("GET", "http://example.org/m"))

    with pytest.raises(SourceError, match="redirects from https"):
        _check_address("https://example.org/m", answer)


def test_what_is_shown_of_an_address_holds_no_secret() -> None:
    assert shown("https://name:word@host:8443/a/b?token=1") == "https://host:8443/a/b"
