"""A device as a process of its own, to be killed: mints until then, or sends what is left.

``python -m tests.faults.edge_process PORT SPOOL SITE DEVICE NOTES [drain]``: every number is
appended to NOTES after ``publish`` has returned. With ``drain`` nothing new is minted; exit code
0 when every event has its receipt.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from edge.publisher import Publisher
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import device_path
from tests.faults.load import payload

PERIOD_S = 0.005


def main(port: str, spool: str, site: str, device: str, notes: str, *, drain: bool) -> int:
    settings = EdgeSettings(spool_dir=Path(spool), resend_after_s=3, reconnect_max_s=1)
    publisher = Publisher(
        device_path("vithanh", site, device), MqttSettings(port=int(port)), settings
    )
    publisher.start()
    if drain:
        done = publisher.flush(60)
        publisher.stop()
        return 0 if done else 1
    rng = random.Random(publisher.bootid.int)
    out = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        event = publisher.publish(payload(rng))
        os.write(out, f"{event.bootid} {event.sequence}\n".encode())
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    port, spool, site, device, notes = sys.argv[1:6]
    sys.exit(main(port, spool, site, device, notes, drain="drain" in sys.argv[6:]))
