"""What a camera's ``source`` means, and how it is written where people read it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ioc.errors import ConfigError

READABLE: Final = (
    "rtsp://…, rtsps://…, http://…, https://…, sim://PLACE/CAMERA?seed=1, a video file, or a "
    "device (0 or /dev/video0)"
)
_USER: Final = re.compile(r"(?<=://)\S*@")
_SECRET: Final = re.compile(r"(?i)((?:pass(?:word|wd)?|pwd|token|secret)=)[^&\s_]*")
_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_RTSP: Final = frozenset({"rtsp", "rtsps"})
_HTTP: Final = frozenset({"http", "https"})
_SIM: Final = re.compile(r"(?i:sim)://[a-z0-9_-]+/[a-z0-9_-]+(\?[A-Za-z0-9_.,=&%-]*)?")
SIM_START_S: Final = 60.0
"""A virtual camera takes so long to start at most: traffic must have filled its streets first."""


def redact(text: str) -> str:
    """A text without user names and passwords of addresses in it."""
    return _SECRET.sub(r"\1***", _USER.sub("***@", text))


@dataclass(frozen=True, slots=True)
class Address:
    """A live source as FFmpeg opens it, or the child process that gives it.

    Attributes:
        url: With its password: never shown; ``str()`` gives it without.
        format: FFmpeg's name of the input, None to find out.
        options: FFmpeg's options, in the order in which they are tried.
        command: Program and arguments of the child that writes the stream; empty: FFmpeg opens
            the address itself.
        start_s: Time that the source takes before it answers at all, seconds.
    """

    url: str = field(repr=False)
    format: str | None = None
    options: tuple[Mapping[str, str], ...] = ({},)
    command: tuple[str, ...] = ()
    start_s: float = 0.0

    def __str__(self) -> str:
        return redact(self.url)


def live_address(source: str, silence_s: float) -> Address | None:
    """The address of a live source, or None when it is a file.

    Args:
        source: As the site file gives it.
        silence_s: After which a connection on which nothing comes is given up.

    Raises:
        ConfigError: It is of a kind that cannot be read.
    """
    if source.isdigit() or source.startswith("/dev/"):
        device = f"/dev/video{source}" if source.isdigit() else source
        # Cameras on USB 2 give 1080p at 5 frames a second raw, at 30 as JPEG.
        return Address(device, "v4l2", ({"input_format": "mjpeg"}, {}))
    match = _SCHEME.match(source)
    if match is None or match[1].lower() == "file":
        return None
    scheme = match[1].lower()
    wait = str(round(silence_s * 1e6))
    if scheme in _RTSP:
        options = {
            "rtsp_transport": "tcp",  # over UDP every lost packet smears up to a second
            "allowed_media_types": "video",
            "timeout": wait,
            "analyzeduration": "1000000",
            # A camera that was taken over must not send us to a file or another host's HTTP.
            "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls",
        }
        return Address(source, None, (options,))
    if scheme in _HTTP:
        options = {
            "timeout": wait,
            "analyzeduration": "1000000",
            "protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto",
        }
        return Address(source, None, (options,))
    if scheme == "sim":
        if _SIM.fullmatch(source) is None:
            raise ConfigError(
                f"{redact(source)}: no virtual camera; give sim://PLACE/CAMERA?seed=1 in small "
                f"letters; a source is {READABLE}"
            )
        # All that is to be known of the stream stands in its header. Without the first of these
        # FFmpeg waits for more pictures to guess their rate, and for ever where they stop.
        header = {"fpsprobesize": "0", "analyzeduration": "0", "probesize": "65536"}
        return Address(source, "nut", (header,), sim_command(source), SIM_START_S)
    raise ConfigError(f"{redact(source)}: cannot be read; a source is {READABLE}")


def sim_command(source: str) -> tuple[str, ...]:
    """The command that writes a virtual camera's stream to its standard output."""
    return (sys.executable, "-m", "ioc.cli", "sim", "stream", source)
