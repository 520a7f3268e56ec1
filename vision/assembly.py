"""Puts a node together from settings and options, and takes it apart again."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from edge.evidence_store import EvidenceStore, store_folder
from edge.metrics import PublisherMetrics
from edge.upload import Uploader
from ioc.camera import Camera
from ioc.events import ModelRef
from ioc.identity import DeviceKey, key_file
from ioc.settings import Settings
from ioc.site import Site, load_site
from ioc.telemetry import logger
from ioc.topics import DevicePath
from models.registry import Model, resolve
from vision.casework import Casework, plate_reading
from vision.detect.session import Detector, DetectorSettings
from vision.evidence.metrics import EvidenceMetrics
from vision.evidence.proxy_process import ProxyMaker
from vision.evidence.ring import PacketRing
from vision.journal import Journal
from vision.node import Node, NodeOptions
from vision.outlet import EventFile
from vision.plate.readers import reader_for
from vision.seat import Means, Seats
from vision.signal_feed import PhaseChange, SignalFeed, read_signals
from vision.source.clock import node_clock
from vision.source.encoded import Tap
from vision.unit import Evidence

if TYPE_CHECKING:
    from edge.publisher import Publisher


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What ``ioc edge run`` was asked for, beside the settings.

    Attributes:
        site_file: The site file.
        cameras: Ids of its cameras; all when empty.
        source: Read instead of the only camera's own source.
        model: Name or path; None for that of the settings.
        providers: Execution providers by short name; empty for those of the settings.
        threads: Inference threads; None for those of the settings.
        out: File to write the events to, too.
        publish: Send the events to the broker.
        evidence: Record violations.
        signals: A recording of the controllers' events, instead of the broker's.
        start: Event time of a file's first frame.
        real_time: Play a file no faster than it was recorded.
    """

    site_file: Path
    cameras: tuple[str, ...] = ()
    source: str | None = None
    model: str | None = None
    providers: tuple[str, ...] = ()
    threads: int | None = None
    out: Path | None = None
    publish: bool = True
    evidence: bool = True
    signals: Path | None = None
    start: datetime | None = None
    real_time: bool = False


@dataclass(slots=True)
class Assembled:
    """A node that is ready to run, with what it sends through.

    Attributes:
        node: The node.
        publishers: Camera → its publisher.
        uploaders: What sends evidence files.
    """

    node: Node
    publishers: dict[str, Publisher]
    uploaders: list[Uploader]


@contextmanager
def assembled(options: RunOptions, settings: Settings) -> Iterator[Assembled]:
    """A node with everything that it needs, which is let go in the end.

    Raises:
        ConfigError: Something of the options, the settings or the site file is wrong.
    """
    with _early_reload() as reload:
        yield from _assemble(options, settings, reload)


@contextmanager
def _early_reload() -> Iterator[threading.Event]:
    """Remembers a SIGHUP that comes while models load; unheeded, it would end the process."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGHUP, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGHUP, before)


def _assemble(
    options: RunOptions, settings: Settings, reload: threading.Event
) -> Iterator[Assembled]:
    vision = settings.vision
    site = load_site(options.site_file)
    detector = Detector(
        resolve(options.model or vision.model),
        DetectorSettings(
            providers=options.providers or vision.providers,
            threads=vision.threads if options.threads is None else options.threads,
        ),
    )
    log = logger("vision.node")
    warm = {f"batch_{size}_ms": round(s * 1000, 1) for size, s in detector.warm_up().items()}
    log.info("detector warm", model=detector.model.name, **warm)
    with ExitStack() as stack:
        publishers: dict[str, Publisher] = {}
        uploaders: list[Uploader] = []
        out = None
        if options.out is not None:
            out = EventFile(options.out)
            stack.callback(out.close)
        means = Means(
            site_file=options.site_file,
            model=ModelRef(name=detector.model.name, sha256=detector.model.sha256),
            parts=detector.parts,
            out=out,
            publisher_of=_publishing(stack, settings, publishers) if options.publish else None,
            journal_of=_journals(settings) if options.publish and options.evidence else None,
            recorder_of=_recording(stack, settings, uploaders, options, detector.model),
            signals_of=_signals(stack, settings, site, options),
            node_clock=lambda: node_clock().reference(),
            start=options.start,
            own_time=not options.publish,
            real_time=options.real_time,
        )
        node = Node(
            NodeOptions(
                options.site_file,
                options.cameras,
                options.source,
                0.0 if detector.one_by_one else vision.batch_within_s,
            ),
            detector,
            Seats(means),
            reload=reload,
        )
        stack.callback(node.close)
        yield Assembled(node, publishers, uploaders)


def _publishing(
    stack: ExitStack, settings: Settings, publishers: dict[str, Publisher]
) -> Callable[[DevicePath], Publisher]:
    from edge.publisher import Publisher

    metrics = PublisherMetrics(
        lambda: {name: each.stats() for name, each in list(publishers.items())}
    )
    REGISTRY.register(metrics)
    stack.callback(REGISTRY.unregister, metrics)

    def start(path: DevicePath) -> Publisher:
        if path.device not in publishers:
            publisher = Publisher(path, settings.mqtt, settings.edge)
            publisher.start()
            stack.callback(publisher.stop)
            publishers[path.device] = publisher
        return publishers[path.device]

    return start


def _recording(
    stack: ExitStack,
    settings: Settings,
    uploaders: list[Uploader],
    options: RunOptions,
    model: Model,
) -> Callable[[Site, Camera, bool], tuple[Tap, Evidence]] | None:
    if not options.evidence:
        return None
    wanted = settings.evidence
    proxies = ProxyMaker() if wanted.proxy else None
    if proxies is not None:
        stack.callback(proxies.close)
    worker = ThreadPoolExecutor(1, thread_name_prefix="evidence")
    stack.callback(worker.shutdown, wait=True, cancel_futures=False)
    plates = plate_reading(reader_for(model)) if settings.vision.plates else None
    stores: dict[DevicePath, tuple[EvidenceStore, Uploader | None]] = {}
    metrics = EvidenceMetrics(
        lambda: {
            path.device: (store.stats(), None if uploader is None else uploader.stats())
            for path, (store, uploader) in list(stores.items())
        }
    )
    REGISTRY.register(metrics)
    stack.callback(REGISTRY.unregister, metrics)

    def open_recorder(site: Site, camera: Camera, wait: bool) -> tuple[Tap, Evidence]:
        path = site.path(camera.id)
        if path not in stores:
            store = EvidenceStore.of(path, wanted)
            stack.callback(store.close)
            uploader = None
            if wanted.upload_url is not None and options.publish:
                uploader = Uploader(store, wanted)
                uploader.start()
                stack.callback(uploader.stop)
                uploaders.append(uploader)
            stores[path] = store, uploader
        store, uploader = stores[path]
        ring = PacketRing(wanted.pre_s, wanted.post_s)
        key = DeviceKey.load_or_create(key_file(wanted.keys_dir, path))
        casework = Casework(
            camera,
            path,
            f"{site.name.vi} – {camera.name.vi}",
            ring,
            store,
            key,
            wanted,
            worker,
            uploader=uploader,
            plates=plates,
            proxies=proxies,
            wait_when_full=wait,
        )
        return ring, casework

    return open_recorder


def _journals(settings: Settings) -> Callable[[DevicePath], Journal]:
    return lambda path: Journal(store_folder(settings.evidence.dir, path) / "open")


def _signals(
    stack: ExitStack, settings: Settings, site: Site, options: RunOptions
) -> Callable[[], deque[PhaseChange]] | None:
    if options.signals is not None:
        changes = read_signals(options.signals, site)
        return lambda: deque(changes)
    if not (options.publish and settings.vision.follow_signals and site.signals):
        return None
    feed = SignalFeed(site, settings.mqtt)
    feed.start()
    stack.callback(feed.stop)
    return feed.queue
