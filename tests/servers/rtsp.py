"""A real RTSP server with clips that play as cameras do; can be killed, frozen and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import cache
from pathlib import Path

from ioc.local_process import LOOPBACK, ServerError, ServerProcess, accepts, free_port

PROGRAM = Path(__file__).with_name("rtsp_server.py")
PYTHON = "/usr/bin/python3"
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad"
)


@cache
def installed() -> bool:
    """Whether this machine has GStreamer's RTSP server and its Python bindings."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    return (
        Path(PYTHON).exists()
        and not subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode
    )


class RtspServer(ServerProcess):
    """Cameras on loopback.

    Args:
        folder: For its log.
        clips: MP4 or MPEG-TS files of H.264; each plays once to everybody who connects.
        port: To listen on; a free one if not given.
        user: ``name:password`` that it wants.
    """

    def __init__(
        self, folder: Path, *clips: Path, port: int | None = None, user: str | None = None
    ) -> None:
        if not installed():
            raise ServerError(f"no GStreamer: apt-get install {PACKAGES} (or .ci/run)")
        port = port or free_port()
        login = [] if user is None else ["--user", user]
        super().__init__(
            name="RTSP server",
            command=[PYTHON, str(PROGRAM), *login, str(port), *map(str, clips)],
            port=port,
            log=folder / "rtsp.log",
            ready=lambda: accepts(port),
        )

    def url(self, clip: Path, login: str = "") -> str:
        """Where a clip plays, with ``name:password@`` if need be."""
        return f"rtsp://{login}{LOOPBACK}:{self.port}/{clip.stem}"

    def freeze(self) -> None:
        """Stop it without a word, as a camera that hangs: connections stay, nothing comes."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGCONT)
