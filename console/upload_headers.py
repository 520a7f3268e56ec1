"""What the headers of an upload say: which bytes come, and of what. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple

_RANGE: Final = re.compile(r"bytes +(?:(\d{1,16})-(\d{1,16})|\*)/(\d{1,16})", re.ASCII)
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/=]{1,100}):", re.ASCII)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,48}/[a-z0-9][a-z0-9!#$&^_.+-]{0,48}")
UNKNOWN_TYPE: Final = "application/octet-stream"


class HeaderError(ValueError):
    """A header that cannot be understood; the message says which and what it should be."""


class Part(NamedTuple):
    """The bytes of a file that a request carries.

    Attributes:
        start: First byte.
        end: One beyond the last; ``start`` for none.
        total: Size of the whole file.
    """

    start: int
    end: int
    total: int


def part_of(content_range: str | None, content_length: str | None) -> Part:
    """Which bytes come.

    Args:
        content_range: ``bytes a-b/total``, or ``bytes */total`` when no more are to come; None
            for all of the file.
        content_length: Needed without a range.

    Raises:
        HeaderError: They say nothing, or what cannot be.
    """
    if content_range is None:
        if content_length is None or not _is_number(content_length):
            raise HeaderError("Content-Range or Content-Length: missing; say which bytes come")
        part = Part(0, int(content_length), int(content_length))
    else:
        match = _RANGE.fullmatch(content_range.strip())
        if match is None:
            raise HeaderError("Content-Range: write bytes FIRST-LAST/TOTAL or bytes */TOTAL")
        first, last, total = match.groups()
        if first is None:
            part = Part(int(total), int(total), int(total))
        else:
            part = Part(int(first), int(last) + 1, int(total))
        length = part.end - part.start
        if length < 0 or part.end > part.total or (first is not None and length == 0):
            raise HeaderError("Content-Range: the bytes lie outside of the file")
        if content_length is not None and content_length != str(length):
            raise HeaderError("Content-Length: is not the number of bytes in Content-Range")
    if part.total == 0:
        raise HeaderError("Content-Range: an empty file is no evidence")
    return part


def check_digest(repr_digest: str | None, sha256: str) -> None:
    """Compare the digest in ``Repr-Digest`` (RFC 9530), where there is one, with the name.

    Raises:
        HeaderError: It is another, or cannot be read.
    """
    if repr_digest is None:
        return
    for one in repr_digest.split(","):
        name, _, _ = one.strip().partition("=")
        if name != "sha-256":
            continue
        match = _DIGEST.fullmatch(one.strip())
        try:
            digest = base64.b64decode(match[1] if match else "?", validate=True)
        except binascii.Error:
            raise HeaderError("Repr-Digest: write sha-256=:BASE64:") from None
        if digest.hex() != sha256:
            raise HeaderError("Repr-Digest: is not the digest in the address")


def media_type_of(content_type: str | None) -> str:
    """The media type that the sender states, without parameters; never trusted, only kept."""
    name = (content_type or "").partition(";")[0].strip().lower()
    return name if _MEDIA_TYPE.fullmatch(name) else UNKNOWN_TYPE


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16
