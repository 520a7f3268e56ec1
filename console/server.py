"""Runs the console: uvicorn over the application, until a signal."""

from __future__ import annotations

import socket

import uvicorn

from console.app import build
from console.originals import check_bucket
from ioc.errors import ConfigError
from ioc.settings import Settings

GRACE_S = 15
"""Uploads under way may end; what is cut off goes on where it was."""


class Server(uvicorn.Server):
    """Ends the wall's streams before it waits for answers to end: these never do by themselves."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self.config.app.state.wall.end()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: The port is taken, or a key, folder or bucket cannot be used.
    """
    console = settings.console
    if (console.cert_file is None) != (console.private_key_file is None):
        raise ConfigError("console.cert_file, console.private_key_file: give both or neither")
    check_bucket(console.evidence_url)
    config = uvicorn.Config(
        build(settings),
        host=console.host,
        port=console.port,
        ssl_certfile=console.cert_file,
        ssl_keyfile=console.private_key_file,
        proxy_headers=True,
        forwarded_allow_ips=console.trusted_proxies,
        server_header=False,
        access_log=False,
        log_config=None,
        h11_max_incomplete_event_size=64 * 1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        Server(config).run()
    except SystemExit:
        raise ConfigError(
            f"console.port {console.port}: cannot listen on {console.host}; "
            "choose another port or address"
        ) from None
