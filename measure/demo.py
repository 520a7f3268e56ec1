"""``ioc demo``: the whole system on this machine, virtual devices, and an account at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ioc import kafka
from ioc.clock import utc_now
from ioc.local import LocalStack
from ioc.local_process import ServerProcess
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import Site, load_sites, sites_folder
from ioc.topics import DevicePath
from measure import services
from measure.ledger import Ledger, Number, settle
from simulator.bad_device import BadDevice
from simulator.devices import Fleet, VirtualDevice, devices_of
from simulator.network import CuttableRelay
from store.migrate import migrate

CUT_FROM: Final = 0.30
CUT_TO: Final = 0.55
"""The share of the time in which one camera has no network."""

SENSOR_SPEED: Final = 30.0
"""Sensors and signals of the demo are so much quicker than real ones, so that it is lively."""

BAD_PER_S: Final = 2.0
DRAIN_S: Final = 40.0
Step = Callable[[str], AbstractContextManager[object]]
"""Tells of a step: entered when it begins, left when it is done."""


@dataclass(frozen=True)
class Moment:
    """The demo as it is now: what the live table shows.

    Attributes:
        second: Seconds since the devices were switched on.
        cut: Whether the camera in the bad network is cut off.
        ingest: Figures of the bridge, None while it does not answer.
        streams: Figures of the worker, likewise.
    """

    second: float
    cut: bool
    ingest: services.Metrics | None
    streams: services.Metrics | None


class Demo:
    """The embedded servers, the two services and the virtual devices, until the end of a ``with``.

    Args:
        step: Told of every step.
        folder: Where everything is kept; None for a temporary folder.
        seed: Makes another world.
    """

    def __init__(self, step: Step, folder: Path | None = None, seed: int = 1) -> None:
        self._tell = step
        self._seed = seed
        self._stack = LocalStack(folder)
        self._exit = ExitStack()
        self._started = 0.0
        self.sites: tuple[Site, ...] = load_sites(sites_folder())

    def __enter__(self) -> Demo:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        self._step(
            "servers: MQTT, Kafka, PostgreSQL", lambda: self._exit.enter_context(self._stack)
        )
        env = self._stack.settings_env()
        self.settings = services.settings_of(env)
        self._step("Kafka topics", self._make_topics)
        self._step("database schema", lambda: migrate(self.settings.database))
        folder = self._stack.folder
        self.bridge = self._serve(services.bridge(folder, env), "ingest bridge")
        self.worker = self._serve(services.worker(folder, env), "streams worker (Faust)")
        self.relay = self._exit.enter_context(CuttableRelay(self.settings.mqtt.port))
        self._step("virtual devices", self._switch_on)

    def _switch_on(self) -> None:
        self.cut_off = self.sites[0].path(self.sites[0].cameras[0].id)
        edge = EdgeSettings(
            spool_dir=self._stack.folder / "spool", resend_after_s=10, reconnect_max_s=2
        )
        devices = devices_of(
            self.sites, self._mqtt_of, edge, utc_now(), seed=self._seed, speed=SENSOR_SPEED
        )
        self.fleet = Fleet(devices)
        self.bad = BadDevice(self.sites[0].path("bad-01"), self.settings.mqtt, self._seed)
        self.fleet.start()
        self._exit.callback(self.fleet.stop)
        self._started = time.monotonic()

    def addresses(self) -> dict[str, str]:
        """Where everything is, for people."""
        return {
            **self._stack.addresses(),
            "metrics": f"http://127.0.0.1:{self.bridge.port}/metrics (ingest), "
            f"http://127.0.0.1:{self.worker.port}/metrics (streams)",
        }

    @property
    def devices(self) -> list[VirtualDevice]:
        """The virtual devices that behave."""
        return self.fleet.devices

    def run(self, seconds: float, show: Callable[[Moment], None], period_s: float = 0.5) -> None:
        """Let the devices work; one camera is cut off for a quarter of the time.

        Args:
            seconds: How long.
            show: Told how things stand, every ``period_s``.
            period_s: Seconds between two looks.
        """
        self.bad.start(max(20, int(seconds * BAD_PER_S)), seconds * 0.8)
        while (second := time.monotonic() - self._started) < seconds:
            cut = CUT_FROM <= second / seconds < CUT_TO
            if cut and not self.relay.is_cut:
                self.relay.cut()
            elif not cut and self.relay.is_cut:
                self.relay.mend()
            show(self.moment())
            time.sleep(period_s)
        self.relay.mend()

    def moment(self) -> Moment:
        """How things stand."""
        return Moment(
            time.monotonic() - self._started,
            self.relay.is_cut,
            services.scrape(self.bridge.port),
            services.scrape(self.worker.port),
        )

    def account(self) -> tuple[Ledger, int]:
        """Stop saying new things, let everything arrive, and settle.

        Returns:
            The ledger, and how many events still wait in spools.
        """
        self.bad.stop()
        self.fleet.silence()
        waiting = self.fleet.drain(DRAIN_S)
        good = {
            Number(bootid, sequence)
            for device in self.devices
            for bootid, sequences in device.minted.sequences.items()
            for sequence in sequences
        }
        good |= {Number(self.bad.bootid, sequence) for sequence in self.bad.good}
        bad = {Number(self.bad.bootid, sequence) for sequence in self.bad.bad}
        return settle(self.settings.database, good, bad, timeout_s=DRAIN_S), waiting

    def _mqtt_of(self, path: DevicePath) -> MqttSettings:
        mqtt = self.settings.mqtt
        if path == self.cut_off:
            return mqtt.model_copy(update={"port": self.relay.port, "keepalive_s": 5})
        return mqtt

    def _make_topics(self) -> None:
        admin = kafka.await_broker(self.settings.kafka.bootstrap, 20)
        kafka.create_topics(admin, self.settings.kafka)

    def _serve(self, service: ServerProcess, name: str) -> ServerProcess:
        self._exit.callback(service.stop)
        self._step(name, service.start)
        return service

    def _step(self, name: str, work: Callable[[], object]) -> None:
        with self._tell(name):
            work()
