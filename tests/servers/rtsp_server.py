"""An RTSP camera for tests: GStreamer's RTSP server playing clips, each at a path of its own.

Run by the system's Python, which has GStreamer's bindings: ``rtsp_server.py PORT CLIP…`` serves
``rtsp://127.0.0.1:PORT/<name of the clip>`` to whoever connects, each from its beginning. With
``--user NAME:PASSWORD`` first it wants these.
"""

# mypy: ignore-errors
# The bindings are the system Python's; the environment of the project has none.

import sys
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

DEMUXER = {".mp4": "qtdemux", ".ts": "tsdemux", ".mkv": "matroskademux"}


def main(arguments: list[str]) -> None:
    user = None
    if arguments[0] == "--user":
        user, arguments = arguments[1], arguments[2:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments[0])
    if user is not None:
        name, password = user.split(":")
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
        server.set_auth(auth)
    for argument in arguments[1:]:
        clip = Path(argument)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( filesrc location={clip} ! {DEMUXER[clip.suffix]} ! h264parse config-interval=-1 "
            "! rtph264pay name=pay0 pt=96 )"
        )
        if user is not None:
            roles = GstRtspServer.RTSPPermissions()
            roles.add_permission_for_role("viewer", "media.factory.access", True)
            roles.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(roles)
        server.get_mount_points().add_factory(f"/{clip.stem}", factory)
    if not server.attach(None):
        sys.exit(f"port {arguments[0]} is taken")
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1:])
