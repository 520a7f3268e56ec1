"""A source is asked on a real socket: tokens, what a server may do wrong, and when it is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from edge.lgsp.config import SourceTable
from edge.lgsp.counters import LgspCounters
from edge.lgsp.intake import Taken
from edge.lgsp.mapping import Translation, Value, Window
from edge.lgsp.pull import FIRST_WAIT_S, LONGEST_WAIT_S, Puller
from edge.lgsp.tokens import Tokens
from edge.lgsp.web import MOST_RETRY_AFTER_S, Trust, Web, WebError, retry_after_s
from edge.spool_file import SpoolFullError
from ioc.clock import utc_now
from tests.edge.evidence_server import make_authority
from tests.edge.lgsp_server import Platform

WINDOW = Window(timedelta(days=30), timedelta(minutes=5))
MAPPING: dict[str, Any] = {
    "time": {"path": "t"},
    "value": [{"quantity": "gov.satisfaction", "path": "v"}],
}


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as one:
        one.answer = {"v": "97,5%", "t": utc_now().isoformat()}
        yield one


class Asker:
    """A puller of one source, its counters, and what it handed on."""

    def __init__(self, platform: Platform, *, trust: Trust | None = None, **more: Any) -> None:
        self.taken: list[Value] = []
        self.fails: list[Exception] = []
        self.counters = LgspCounters()
        self.now_s = 1000.0
        table = {"name": "a", "url": platform.url("data"), "timeout_s": 2, "mapping": MAPPING}
        source = SourceTable.model_validate({**table, **more})
        self.web = Web((trust or Trust(where="source.a")).context())
        self.tokens = None
        if source.oauth is not None:
            self.tokens = Tokens(
                source.oauth, "source.a.oauth", self.web, 2, utc_now, lambda: self.now_s
            )
        self.puller = Puller(
            source,
            Translation(source.mapping, WINDOW),
            self.web,
            self.tokens,
            self._take,
            self.counters,
            utc_now,
            jitter=lambda: 0.5,
        )

    async def _take(self, values: Sequence[Value]) -> Taken:
        if self.fails:
            raise self.fails.pop()
        self.taken += values
        return Taken(len(values), 0)

    async def turn(self, times: int = 1) -> float:
        wait_s = 0.0
        for _ in range(times):
            wait_s = await self.puller.turn()
        return wait_s

    @property
    def pulls(self) -> dict[str, int]:
        return {outcome: count for (_, outcome), count in self.counters.pulls.items()}

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.web.close()


async def test_an_answer_is_handed_on_and_asked_for_again_after_the_interval(
    platform: Platform,
) -> None:
    async with Asker(platform, interval_s=100) as asker:
        assert await asker.turn() == 95, "up to a tenth early"
    assert [(value.quantity, value.value) for value in asker.taken] == [("gov.satisfaction", 97.5)]
    assert "authorization" not in platform.asked[0]
    assert asker.counters.values["a", "published"] == 1


@pytest.mark.parametrize("auth", ["basic", "post"])
async def test_the_secret_goes_where_the_platform_wants_it(
    platform: Platform, auth: str, tmp_path: Path
) -> None:
    async with Asker(platform, oauth=platform.oauth(tmp_path, auth)) as asker:
        await asker.turn()
    assert len(asker.taken) == 1
    ((form, headers),) = platform.forms
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "chi-so.doc")
    assert ("client_secret" in form) is (auth == "post")
    assert ("Authorization" in headers) is (auth == "basic")


async def test_a_token_is_kept_until_shortly_before_its_end(
    platform: Platform, tmp_path: Path
) -> None:
    platform.expires_in = 3600
    async with Asker(platform, oauth=platform.oauth(tmp_path)) as asker:
        await asker.turn(3)
        assert len(platform.forms) == 1
        asker.now_s += 3569
        await asker.turn()
        assert len(platform.forms) == 1
        asker.now_s += 2
        await asker.turn()
        assert len(platform.forms) == 2
    assert platform.statuses.count(401) == 0


@pytest.mark.parametrize(
    ("expires_in", "good_s", "old_s"),
    [(20, 9, 11), ("600", 569, 571), (None, 269, 271), (10**9, 86_369, 86_371)],
)
async def test_a_short_untold_or_endless_life_is_used_with_care(
    platform: Platform, expires_in: Any, good_s: float, old_s: float, tmp_path: Path
) -> None:
    platform.expires_in = expires_in
    async with Asker(platform, oauth=platform.oauth(tmp_path)) as asker:
        for after_s, tokens in ((0, 1), (good_s, 1), (old_s, 2)):
            asker.now_s = 1000.0 + after_s
            await asker.turn()
            assert len(platform.forms) == tokens


async def test_a_revoked_token_is_renewed_once_and_the_answer_comes(
    platform: Platform, tmp_path: Path
) -> None:
    async with Asker(platform, oauth=platform.oauth(tmp_path)) as asker:
        await asker.turn()
        platform.revoke()
        platform.answer = {"v": 98, "t": utc_now().isoformat()}
        await asker.turn()
    assert platform.statuses == [200, 401, 200]
    assert [value.value for value in asker.taken] == [97.5, 98]
    assert len(platform.forms) == 2


async def test_a_service_that_takes_no_token_at_all_is_asked_twice_and_then_left(
    platform: Platform, tmp_path: Path
) -> None:
    platform.lives_s = -1
    async with Asker(platform, oauth=platform.oauth(tmp_path)) as asker:
        wait_s = await asker.turn()
    assert platform.statuses == [401, 401]
    assert len(platform.forms) == 2
    assert wait_s >= FIRST_WAIT_S
    assert asker.pulls == {"failed": 1}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (400, "answers 400"),
        (503, "answers 503"),
        ("slow", "no whole answer within 2 s"),
        ("drip", "no whole answer within 2 s"),
        ("oversize", "larger than 65536 bytes"),
        ("broken", "cannot be read"),
        ("redirect", "a redirect"),
        ({"token_type": "bearer"}, "no usable access_token"),
        ({"access_token": "a\r\nb", "token_type": "bearer"}, "no usable access_token"),
        ({"access_token": "a", "token_type": "mac"}, "not Bearer"),
        ({"access_token": "a", "token_type": "Bearer", "expires_in": -5}, "expires_in"),
        ({"access_token": "a", "token_type": "Bearer", "expires_in": True}, "expires_in"),
    ],
)
async def test_a_token_that_does_not_come_is_told_without_the_secret(
    platform: Platform, trouble: Any, why: str, tmp_path: Path
) -> None:
    platform.token_trouble.append(trouble)
    async with Asker(platform, oauth=platform.oauth(tmp_path)) as asker:
        assert asker.tokens is not None
        with pytest.raises(WebError) as caught:
            await asker.tokens.token()
        assert why in caught.value.why
        assert platform.url("token") in caught.value.why or "token's answer" in caught.value.why
        assert "mật" not in caught.value.why
        await asker.turn()
    assert len(asker.taken) == 1, "the next try has a new chance"


async def test_a_wrong_secret_is_told_with_the_platforms_own_word(
    platform: Platform, tmp_path: Path
) -> None:
    oauth = platform.oauth(tmp_path)
    (tmp_path / "client.secret").write_text("falsch")
    async with Asker(platform, oauth=oauth) as asker:
        assert asker.tokens is not None
        with pytest.raises(WebError, match=r"answers 401 \(invalid_client\)"):
            await asker.tokens.token()
        platform.oauth(tmp_path)
        await asker.turn()
    assert len(asker.taken) == 1, "a mended secret needs no restart"


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (204, "answers 204"),
        (304, "answers 304"),
        (403, "answers 403"),
        (500, "answers 500"),
        ("slow", "no whole answer within 1 s"),
        ("drip", "no whole answer within 1 s"),
        ("drip-head", "no whole answer within 1 s"),
        ("oversize", "larger than 8192 bytes; see max_kb"),
        ("gzip", "compressed"),
        ("redirect", "answers 302, a redirect; give the final address"),
        ("reset", "RemoteProtocolError"),
    ],
)
async def test_an_answer_that_is_none_ends_within_its_bounds(
    platform: Platform, trouble: Any, why: str
) -> None:
    platform.trouble.append(trouble)
    began = time.monotonic()
    async with Asker(platform, timeout_s=1, max_kb=8) as asker:
        with pytest.raises(WebError) as caught:
            await asker.puller.look()
    assert why in caught.value.why
    assert time.monotonic() - began < 10


async def test_after_failures_it_waits_longer_each_time_and_then_goes_on(
    platform: Platform,
) -> None:
    platform.trouble += [500, "broken", "reset", 404, 500, 500, 500, 500, 500]
    async with Asker(platform, interval_s=60) as asker:
        waits = [await asker.turn() for _ in range(9)]
        assert waits[0] == pytest.approx(FIRST_WAIT_S * 1.5)
        assert waits == sorted(waits)
        assert waits[-1] <= LONGEST_WAIT_S
        assert asker.taken == []
        assert await asker.turn() == 57
        platform.trouble.append(500)
        assert await asker.turn() == pytest.approx(FIRST_WAIT_S * 1.5), "counted from anew"
    assert asker.pulls == {"failed": 10, "new": 1}


async def test_a_server_that_is_not_there_is_a_failure_like_any_other(platform: Platform) -> None:
    with Platform() as gone:
        url = gone.url("data")
    async with Asker(platform, url=url) as asker:
        assert await asker.turn() >= FIRST_WAIT_S


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(platform: Platform, status: int) -> None:
    platform.trouble.append(status)
    platform.retry_after = "120"
    async with Asker(platform) as asker:
        assert await asker.turn() == 120


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("0", 0.0),
        ("90", 90.0),
        ("9" * 30, MOST_RETRY_AFTER_S),
        (format_datetime(datetime(2025, 11, 21, 0, 2, tzinfo=UTC), usegmt=True), 120.0),
        ("Fri, 21 Nov 2025 00:00:30", 30.0),
        ("Thu, 20 Nov 2025 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_RETRY_AFTER_S),
        *[("", None), ("bald", None), ("-5", None), ("1.5", None), ("٩", None), ("Fri, x", None)],
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_for_ever(
    told: str, seconds: float | None
) -> None:
    now = datetime(2025, 11, 21, tzinfo=UTC)
    assert retry_after_s({"Retry-After": told}, now) == seconds


async def test_what_has_not_changed_is_not_sent_again(platform: Platform) -> None:
    async with Asker(platform) as asker:
        await asker.turn(2)
        assert platform.statuses == [200, 304]
        platform.answer = {"v": 98, "t": utc_now().isoformat()}
        await asker.turn(2)
    assert platform.statuses == [200, 304, 200, 304]
    assert [value.value for value in asker.taken] == [97.5, 98]
    assert asker.pulls == {"new": 2, "unchanged": 2}


async def test_an_answer_that_was_not_stored_is_asked_for_again_in_full(
    platform: Platform,
) -> None:
    async with Asker(platform) as asker:
        asker.fails.append(SpoolFullError("the disk is full"))
        assert await asker.turn() >= FIRST_WAIT_S
        assert asker.taken == []
        await asker.turn()
    assert platform.statuses == [200, 200]
    assert len(asker.taken) == 1


async def test_a_time_ahead_is_asked_for_again_in_full(platform: Platform) -> None:
    ahead = utc_now() + timedelta(minutes=5, seconds=1)
    platform.answer = {"v": 90, "t": ahead.isoformat()}
    async with Asker(platform) as asker:
        await asker.turn()
        assert asker.taken == []
        assert asker.counters.values["a", "refused"] == 1
        await asyncio.sleep(1.2)
        await asker.turn()
    assert len(asker.taken) == 1, "a tag would have hidden it until the source changes"


async def test_a_source_without_times_is_asked_in_full_each_time(platform: Platform) -> None:
    mapping = {**MAPPING, "time": {"received": True}}
    async with Asker(platform, mapping=mapping) as asker:
        await asker.turn(2)
    assert platform.statuses == [200, 200]
    assert len({value.time for value in asker.taken}) == 2


async def test_only_the_platform_of_our_authority_is_believed(tmp_path: Path) -> None:
    files = make_authority(tmp_path)
    with Platform(files) as platform:
        platform.answer = {"v": 97, "t": utc_now().isoformat()}
        good = Trust(where="source.a", ca_file=files["ca"])
        async with Asker(platform, trust=good) as asker:
            await asker.turn()
            assert len(asker.taken) == 1
        async with Asker(platform) as stranger:
            with pytest.raises(WebError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.puller.look()
