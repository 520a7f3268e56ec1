"""``ioc demo``: the whole system on this machine, camera nodes on rendered clips, an account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ioc import kafka
from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.local import LocalStack
from ioc.local_process import ServerProcess
from ioc.settings import EdgeSettings
from ioc.site import Site, load_sites, sites_folder
from measure import gallery, services
from measure.camera_node import CameraNode, Look
from measure.cast import cast_of
from measure.footage import CLIPS, Footage, footage_of
from measure.gallery import Gallery
from measure.judgement import Played, Scores, read_reports, score
from measure.ledger import Ledger, Number, settle
from models.registry import OWN_DETECTOR, resolve
from simulator.devices.bad_device import BadDevice
from simulator.devices.fleet import Fleet, Minted, VirtualDevice
from simulator.devices.network import CuttableRelay
from simulator.places import place_of
from store.migrate import migrate

CUT_FROM: Final = 0.30
CUT_TO: Final = 0.55
"""The share of the time in which one camera has no network."""

"""The detector of the demo's cameras: our own, which was trained on rendered pictures."""

LEAD_S: Final = (7.0, 40.0)
LEAD_BY_BRIDGE: Final = 5.0
"""The clips begin so long after the nodes are started, so that they are warm by then and the event
time of a picture is the time at which it is seen. A busy machine takes longer: worker and nodes
start together in some five times what the bridge took alone, which is 1.5 s on two free cores and
was 9 s where ten others wanted them."""

BAD_PER_S: Final = 2.0
DRAIN_S: Final = 40.0
Step = Callable[[str], AbstractContextManager[object]]
"""Tells of a step: entered when it begins, left when it is done."""


@dataclass(frozen=True)
class Moment:
    """The demo as it is now: what the live table shows.

    Attributes:
        second: Seconds since everything was ready and the clips began.
        cut: Whether the camera in the bad network is cut off.
        ingest: Figures of the bridge, None while it does not answer.
        streams: Figures of the worker, likewise.
        nodes: The camera nodes.
    """

    second: float
    cut: bool
    ingest: services.Metrics | None
    streams: services.Metrics | None
    nodes: tuple[Look, ...] = ()


@dataclass(frozen=True)
class Account:
    """How a demo ended.

    Attributes:
        ledger: What was minted, held against what the database has.
        waiting: Events that still wait in spools.
        played: The clips, as far as they were played.
        scores: How every rule did.
        gallery: The evidence.
        faults: What went wrong with camera nodes, for people.
    """

    ledger: Ledger
    waiting: int
    played: tuple[Played, ...]
    scores: Scores
    gallery: Gallery
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Nothing lost, doubled or misjudged, all evidence as it was signed, all nodes well."""
        return self.ledger.balanced and not self.gallery.faults and not self.faults


@dataclass(frozen=True, slots=True)
class Plan:
    """What a demo shows.

    Attributes:
        folder: Where everything is kept; None for a temporary folder.
        seed: Makes another world of virtual devices.
        clips: The clips that the cameras see.
        model: The cameras' detector.
    """

    folder: Path | None = None
    seed: int = 1
    clips: Path = CLIPS
    model: str = OWN_DETECTOR


class Demo:
    """Embedded servers, core services, camera nodes, virtual devices, until the end of a ``with``.

    Args:
        step: Told of every step.
        plan: What it shows.

    Raises:
        ConfigError: A clip or the model is not there.
    """

    def __init__(self, step: Step, plan: Plan = Plan()) -> None:  # noqa: B008 (frozen)
        self._tell = step
        self._plan = plan
        self._stack = LocalStack(plan.folder)
        self._exit = ExitStack()
        self._started = 0.0
        self.footage: tuple[Footage, ...] = footage_of(plan.clips)
        self.sites: tuple[Site, ...] = load_sites(sites_folder())
        self.cut_off = self.footage[0].camera
        resolve(plan.model)

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
        self.relay = self._exit.enter_context(CuttableRelay(self.settings.mqtt.port))
        before = time.monotonic()
        self.bridge = self._serve(services.bridge(folder, env), "ingest bridge")
        took = time.monotonic() - before
        worker = services.worker(folder, env)
        self._serve(services.watcher(folder, env, (self.bridge, worker)), "watcher of the core")
        least, most = LEAD_S
        lead = min(max(least, LEAD_BY_BRIDGE * took), most)
        self.start = _whole(utc_now() + timedelta(seconds=lead))
        begin = time.monotonic() + lead
        warming = self._warm_up(env)
        self.worker = self._serve(worker, "streams worker (Faust)")
        self._step("camera nodes", lambda: [ready.result() for ready in warming])
        self._step("virtual devices", self._switch_on)
        time.sleep(max(0.0, begin - time.monotonic()))
        self._started = time.monotonic()

    def _warm_up(self, env: dict[str, str]) -> list[Future[None]]:
        """Start the camera nodes beside all else: each takes some seconds to load its model."""
        folder = self._stack.folder
        self.nodes = [
            CameraNode(one, folder, {**env, **self._network(one)}, self.start, self._plan.model)
            for one in self.footage
        ]
        pool = ThreadPoolExecutor(len(self.nodes), thread_name_prefix="nodes")
        self._exit.callback(pool.shutdown)
        # Where the demo is broken off nobody is left to give receipts that a node would wait for.
        for node in self.nodes:
            self._exit.callback(node.kill)
        return [pool.submit(node.start) for node in self.nodes]

    def _network(self, footage: Footage) -> dict[str, str]:
        """How a node reaches the broker: one goes through a relay that can be cut."""
        if footage.camera != self.cut_off:
            return {}
        return {"IOC_MQTT__PORT": str(self.relay.port), "IOC_MQTT__KEEPALIVE_S": "5"}

    def _switch_on(self) -> None:
        edge = EdgeSettings(
            spool_dir=self._stack.folder / "spool", resend_after_s=10, reconnect_max_s=2
        )
        played = {
            one.controller: one.changes_from(self.start)
            for one in self.footage
            if one.controller is not None
        }
        mqtt = self.settings.mqtt
        cameras = [one.camera for one in self.footage]
        devices = cast_of(self.sites, cameras, played, mqtt, edge, utc_now(), seed=self._plan.seed)
        self.fleet = Fleet(devices)
        self.bad = BadDevice(self.sites[0].path("bad-01"), mqtt, self._plan.seed)
        self.fleet.start()
        self._exit.callback(self.fleet.stop)

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
            tuple(node.look() for node in self.nodes),
        )

    def account(self) -> Account:
        """Stop saying new things, let everything arrive, settle, and judge what was flagged."""
        self.bad.stop()
        self.fleet.silence()
        frames = [node.look().frames for node in self.nodes]
        self._end_nodes()
        waiting = self.fleet.drain(DRAIN_S) + sum(node.waiting() for node in self.nodes)
        minted = [device.minted for device in self.devices] + [node.minted for node in self.nodes]
        good = numbers_of(minted)
        good |= {Number(self.bad.bootid, sequence) for sequence in self.bad.good}
        bad = {Number(self.bad.bootid, sequence) for sequence in self.bad.bad}
        ledger = settle(self.settings.database, good, bad, timeout_s=DRAIN_S)
        played = tuple(map(self._played, self.nodes, frames))
        reports = asyncio.run(read_reports(self.settings.database))
        folder = self._stack.folder
        shown = folder / "violations" if self._plan.folder else gallery.default_folder()
        hung = gallery.hang(shown, reports, folder / "evidence", folder / "keys")
        faults = tuple(fault for node in self.nodes for fault in _faults(node))
        return Account(ledger, waiting, played, score(played, reports), hung, faults)

    def _played(self, node: CameraNode, frames: int) -> Played:
        truth = node.footage.truth
        mounts = place_of(truth.place).mounts
        mount = next((one for one in mounts if one.id == truth.camera), None)
        if mount is None:
            raise ConfigError(f"{node.footage.video}: {truth.place} has no camera {truth.camera!r}")
        seconds = node.played_s()
        return Played(
            camera=node.footage.camera,
            truth=truth,
            watches=mount.watches,
            start=self.start,
            seconds=frames / truth.rate if seconds is None else seconds,
        )

    def _end_nodes(self) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(CameraNode.end, self.nodes))

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


def numbers_of(minted: Sequence[Minted]) -> set[Number]:
    """The numbers of everything that some devices said."""
    return {
        Number(bootid, sequence)
        for one in minted
        for bootid, sequences in one.sequences.items()
        for sequence in sequences
    }


def _faults(node: CameraNode) -> list[str]:
    """What went wrong with a node, in words."""
    name = node.footage.camera.key
    if node.played_s() is None:
        return ["\n".join((f"{name}: the node broke off; the end of its log:", *node.last_words()))]
    failed = node.failed()
    return [f"{name}: {failed} events could not be stored; see {node.log}"] if failed else []


def _whole(at: datetime) -> datetime:
    """Event times have whole milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
