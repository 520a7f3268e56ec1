"""What schemathesis loads before it begins.

grafana-client brings niquests, whose urllib3-future takes urllib3's place; its pool of connections
cannot be listed as schemathesis does before it sends a request again. Ours are sent once.
"""

from __future__ import annotations

from schemathesis.transport import requests as transport

transport._count_opened_connections = lambda session: 0
