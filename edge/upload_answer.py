"""What an evidence server's answer means for the uploader: pure, no connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

WHOLE_STATUS: Final = frozenset({200, 201, 204})
PART_STATUS: Final = frozenset({202, 308})
ASK_STATUS: Final = frozenset({409, 416})
DIGEST_STATUS: Final = frozenset({400, 422})
"""How servers say that the digest of what came is another: worth a try from the beginning."""

LATER_STATUS: Final = frozenset({401, 403, 404, 405, 407, 408, 421, 423, 425, 426, 429})
"""A wrong certificate, token or address is mended by a person; evidence waits for that, for to
set it all aside would lose it."""


class Verdict(Enum):
    """What to do next."""

    WHOLE = "the server has it"
    GO_ON = "send from an offset"
    ASK = "ask again how much it holds"
    LATER = "wait, then try again"
    NEVER = "it will not be taken"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, understood.

    Attributes:
        verdict: What to do next.
        offset: Bytes that the server holds, for ``GO_ON``.
        why: In words, for the log.
        restart: For ``NEVER``: whether sending all of it again may help.
    """

    verdict: Verdict
    offset: int = 0
    why: str = ""
    restart: bool = False


def judge_head(status: int, headers: Mapping[str, str], total: int) -> Answer:
    """What a HEAD says of the bytes that the server holds.

    An offset that cannot be is taken for none at all: to send everything again costs time only.

    Args:
        status: HTTP status.
        headers: By name, in any case.
        total: Size of the file, bytes.
    """
    if status in WHOLE_STATUS:
        offset = _offset(headers, total)
        if offset == total and headers.get("Upload-Complete", "").strip() == "?1":
            return Answer(Verdict.WHOLE)
        return Answer(Verdict.GO_ON, offset or 0)
    if status in (404, 405, 410, 501):
        return Answer(Verdict.GO_ON, 0)
    return Answer(Verdict.LATER, why=f"HEAD was answered with {status}")


def judge_put(status: int, headers: Mapping[str, str], total: int) -> Answer:
    """What the answer to a PUT means.

    Args:
        status: HTTP status.
        headers: By name, in any case.
        total: Size of the file, bytes.
    """
    why = f"PUT was answered with {status}"
    if status in WHOLE_STATUS:
        return Answer(Verdict.WHOLE)
    if status in PART_STATUS:
        offset = _offset(headers, total)
        return Answer(Verdict.ASK if offset is None else Verdict.GO_ON, offset or 0, why)
    if status in ASK_STATUS:
        return Answer(Verdict.ASK, why=why)
    if status in DIGEST_STATUS:
        return Answer(Verdict.NEVER, why=why, restart=True)
    if 400 <= status < 500 and status not in LATER_STATUS:
        return Answer(Verdict.NEVER, why=why)
    return Answer(Verdict.LATER, why=why)


def _offset(headers: Mapping[str, str], total: int) -> int | None:
    text = headers.get("Upload-Offset", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    offset = int(text)
    return offset if offset <= total else None
