"""Faust's Kafka transport with one more setting: how long a fetch may wait for new events.

Faust 0.15.3 fixes ``fetch_max_wait_ms`` at 1500. Apache Kafka answers a fetch as soon as an event
is there, so it does not matter there; the embedded broker answers at a later look of its own,
and events then wait 0.40 s (p50) and up to 0.75 s, against 0.03 s with a limit of 0.1 s.
"""

from __future__ import annotations

from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Read by AIOKafkaConsumer.start(), which comes after this.
        consumer._fetch_max_wait_ms = transport.fetch_wait_ms
        return consumer


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """Kafka by aiokafka.

    Attributes:
        fetch_wait_ms: Longest wait of one fetch, milliseconds.
    """

    Consumer = _Consumer
    fetch_wait_ms = 500


def set_fetch_wait(app: faust.App, seconds: float) -> None:
    """Give an app this transport; call it before anything of the app is used."""
    transport = Transport(app.conf.broker_consumer, app)
    transport.fetch_wait_ms = round(seconds * 1000)
    app.transport = transport
