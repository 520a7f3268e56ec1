"""Parameter sets of H.264 and HEVC, taken from the stream when the source did not state them.

A container needs them in its header, and a camera that sends them only before each keyframe
leaves ``StreamInfo.extradata`` empty.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from vision.source.encoded import StreamInfo

_START: Final = re.compile(rb"\x00\x00\x01")
_AT_THE_END_OF_SETS: Final = 32_768
"""Parameter sets stand at the head of a keyframe and take tens of bytes."""

H264_SETS: Final = frozenset({7, 8})
"""SPS and PPS: ``nal_unit_type`` in the low 5 bits of the first byte (H.264, table 7-1)."""

HEVC_SETS: Final = frozenset({32, 33, 34})
"""VPS, SPS and PPS: bits 1 to 6 of the first byte (H.265, table 7-1)."""


def with_extradata(stream: StreamInfo, codec: str, keyframe: bytes) -> StreamInfo:
    """The stream with its parameter sets, from a keyframe when they are not stated.

    Args:
        stream: How the source described it.
        codec: Canonical name of the codec.
        keyframe: A coded picture with start codes (Annex B), as RTSP and MPEG-TS give it.
    """
    if stream.extradata or codec not in ("h264", "hevc"):
        return stream
    sets = [
        unit
        for unit in _units(keyframe[:_AT_THE_END_OF_SETS])
        if (unit[0] & 0x1F in H264_SETS if codec == "h264" else unit[0] >> 1 & 0x3F in HEVC_SETS)
    ]
    return replace(stream, extradata=b"".join(b"\0\0\0\x01" + unit for unit in sets))


def _units(data: bytes) -> list[bytes]:
    """NAL units between start codes; a unit never ends with a zero byte (H.264, 7.4.1)."""
    codes = list(_START.finditer(data))
    ends = [*(code.start() for code in codes[1:]), len(data)]
    units = [data[code.end() : end].rstrip(b"\0") for code, end in zip(codes, ends, strict=False)]
    return [unit for unit in units if unit]
