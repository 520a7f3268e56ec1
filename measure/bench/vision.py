"""``vision.rate``: frames a second of the whole camera node on files of 1080p.

On a CPU decoding and inference share the cores, so the limit is a bare loop in the same run that
decodes the same frames and calls ``session.run`` with the same threads, and does nothing else: no
conversion, no boxes, no tracks. It is run in two ways, one after the other and with the decoder
on a thread of its own, and the faster one counts. The node is the very one of ``ioc edge run``,
with tracks, rules, events to a file and evidence: clip, stills, plate, proxy, signature.

Two minutes of video, over all cameras together, hold one violation: 700 a day and camera is what
the busiest junction of Hanoi had in December 2025. ``vision.evidence`` tells what one costs.
"""

from __future__ import annotations

import multiprocessing
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import psutil
import yaml

from ioc.errors import ConfigError
from measure.bench.vision_site import site_of
from measure.clips import enlarge, repeat
from measure.figures import Figure, against

Progress = Callable[[str], None]
TIMEOUT_S: Final = 1800.0
WIDTH, HEIGHT = 1920, 1080
CLIP_S: Final = 20.0
SOAK_MODEL: Final = "yolox_nano_416.onnx"


@dataclass(frozen=True, slots=True)
class Setup:
    """One measurement.

    Attributes:
        site_file: The node's site file; its cameras read the clips.
        clips: The clip of each camera.
        model: Model file.
        threads: Inference threads, 0 for all cores.
    """

    site_file: Path
    clips: tuple[Path, ...]
    model: Path
    threads: int


def run(
    data: Path,
    progress: Progress,
    *,
    cameras: Sequence[int],
    rounds: int,
    model: Path,
    threads: int = 0,
    soak: int = 0,
    seconds: float = 120,
) -> list[Figure]:
    """Measure.

    Args:
        data: Folder of the real clips.
        progress: Told what happens.
        cameras: Numbers of cameras, each measured.
        rounds: How often node and limit take their turn; the figures are medians.
        model: Model file.
        threads: Inference threads, 0 for all cores.
        soak: Frames of the memory test, 0 for none.
        seconds: Video of one turn, over all cameras together; it holds one violation.

    Raises:
        ConfigError: A clip or the model is not there.
    """
    source = data / "videos" / "six_lane_topdown.mp4"
    if not source.is_file():
        raise ConfigError(f"{source}: no such file; --data must name the folder of the real clips")
    figures = []
    with tempfile.TemporaryDirectory(prefix="ioc-bench-") as folder:
        place = Path(folder)
        progress(f"encoding {source.name} at {WIDTH}x{HEIGHT}")
        large = place / "large.mp4"
        enlarge(source, large, WIDTH, HEIGHT)
        figures.append(_letterbox(large, model))
        for count in cameras:
            setup = _setup(place, large, count, model, threads, seconds)
            figures += _measure(setup, count, rounds, progress)
        if soak:
            small = data / "models" / SOAK_MODEL
            figures += _soak(place, source, small, soak, progress)
    return figures


def _setup(
    place: Path, large: Path, count: int, model: Path, threads: int, seconds: float
) -> Setup:
    """Clips and site file of a number of cameras, which together see so many seconds."""
    times = max(1, round(seconds / CLIP_S / count))
    clips = []
    for number in range(count):
        clip = place / f"clip-{count}-{number}.mp4"
        repeat(large, clip, times)
        clips.append(clip)
    site = place / f"site-{count}.yaml"
    site.write_text(yaml.safe_dump(site_of(clips), allow_unicode=True), encoding="utf-8")
    return Setup(site, tuple(clips), model, threads)


def _measure(setup: Setup, count: int, rounds: int, progress: Progress) -> list[Figure]:
    contestants = {"node": _node, "in turn": _bare_in_turn, "overlapped": _bare_overlapped}
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    flagged: list[int] = []
    memory, evidence = 0.0, 0.0
    for number in range(rounds):
        names = list(contestants) if number % 2 == 0 else list(reversed(contestants))
        for name in names:
            found = _in_process(contestants[name], setup)
            rates[name].append(found["frames"] / found["seconds"])
            if name == "node":
                flagged.append(found["violations"])
                memory = max(memory, found["rss"] / 2**20)
                evidence = max(evidence, found["evidence_s"])
            progress(
                f"  {count} cameras, round {number + 1} of {rounds}, {name}: {rates[name][-1]:.1f} "
                f"frames/s" + (f", {found['violations']} violations" if name == "node" else "")
            )
    limit = max(statistics.median(rates["in turn"]), statistics.median(rates["overlapped"]))
    suffix = "" if count == 1 else f".{count}_cameras"
    return [
        against(f"vision.rate{suffix}", statistics.median(rates["node"]), limit, "frames/s"),
        Figure(name=f"vision.violations{suffix}", value=min(flagged), unit="violations"),
        Figure(name=f"vision.evidence{suffix}", value=evidence, unit="s per violation"),
        Figure(name=f"vision.rss{suffix}", value=memory, unit="MiB"),
    ]


def _in_process(work: Callable[[Setup], dict[str, Any]], setup: Setup) -> dict[str, Any]:
    """Run in a process of its own, so that nothing of one contestant helps the next."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_answer, args=(work, setup, answers))
    process.start()
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            answer: dict[str, Any] = answers.get(timeout=1)
            break
        except queue.Empty:
            if not process.is_alive() or time.monotonic() > end:
                process.kill()
                raise RuntimeError(f"{work.__name__} gave no figure") from None
    process.join()
    if "error" in answer:
        raise RuntimeError(f"{work.__name__}: {answer['error']}")
    return answer


def _answer(work: Callable[[Setup], dict[str, Any]], setup: Setup, answers: Any) -> None:
    from ioc.settings import TelemetrySettings
    from ioc.telemetry import configure_logs

    configure_logs(TelemetrySettings(log_level="error"), "bench")
    try:
        answers.put(work(setup))
    except Exception as error:
        answers.put({"error": repr(error)})


def _node(setup: Setup) -> dict[str, Any]:
    from datetime import datetime

    from ioc.settings import EvidenceSettings, read_settings
    from vision.assembly import RunOptions, assembled

    place = Path(tempfile.mkdtemp(prefix="node-", dir=setup.site_file.parent))
    settings = read_settings(
        evidence=EvidenceSettings(dir=place / "evidence", keys_dir=place / "keys")
    )
    options = RunOptions(
        site_file=setup.site_file,
        model=str(setup.model),
        threads=setup.threads,
        out=place / "events.jsonl",
        publish=False,
        start=datetime.fromisoformat("2026-01-01T11:59:50+07:00"),
    )
    with assembled(options, settings) as made:
        summary = made.node.run()
    return {
        "frames": summary.frames,
        "seconds": summary.seconds,
        "violations": summary.events.get("vn.ioc.violation.v1", 0),
        "rss": psutil.Process().memory_info().rss,
        "evidence_s": _evidence_s(),
    }


def _evidence_s() -> float:
    """Seconds that one violation's evidence took on its thread, in the mean; 0 without any."""
    from vision.metrics import STAGES

    samples = [s for metric in STAGES.collect() for s in metric.samples]
    told = {
        kind: sum(
            s.value
            for s in samples
            if s.name == f"ioc_vision_stage_seconds_{kind}" and s.labels["stage"] == "evidence"
        )
        for kind in ("sum", "count")
    }
    return told["sum"] / told["count"] if told["count"] else 0.0


def _session(setup: Setup) -> Callable[[], object]:
    """One ``session.run`` of the model on a picture that lies ready."""
    from models.registry import resolve
    from vision.detect.session import DetectorSettings, open_session

    model = resolve(str(setup.model))
    session = open_session(model, DetectorSettings(threads=setup.threads))
    height, width = model.size
    picture = np.random.default_rng(1).uniform(0, 255, (1, 3, height, width)).astype(np.float32)
    feed = {session.get_inputs()[0].name: picture}
    session.run(None, feed)
    return lambda: session.run(None, feed)


def _bare_in_turn(setup: Setup) -> dict[str, Any]:
    infer = _session(setup)
    begun, frames = time.perf_counter(), 0
    containers = [av.open(str(clip)) for clip in setup.clips]
    decoders = [_frames(container) for container in containers]
    for round_ in zip(*decoders, strict=True):
        for _ in round_:
            infer()
            frames += 1
    return {"frames": frames, "seconds": time.perf_counter() - begun}


def _bare_overlapped(setup: Setup) -> dict[str, Any]:
    infer = _session(setup)
    begun, frames = time.perf_counter(), 0
    ready: list[queue.Queue[object]] = [queue.Queue(3) for _ in setup.clips]

    def decode(clip: Path, out: queue.Queue[object]) -> None:
        with av.open(str(clip)) as container:
            for frame in _frames(container):
                out.put(frame)
        out.put(None)

    for clip, out in zip(setup.clips, ready, strict=True):
        threading.Thread(target=decode, args=(clip, out), daemon=True).start()
    left = list(ready)
    while left:
        for out in list(left):
            if out.get() is None:
                left.remove(out)
                continue
            infer()
            frames += 1
    return {"frames": frames, "seconds": time.perf_counter() - begun}


def _frames(container: Any) -> Any:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    return container.decode(stream)


def _letterbox(clip: Path, model: Path) -> Figure:
    """Median time to bring a decoded 1080p frame into the model's picture."""
    from models.registry import resolve
    from vision.detect.letterbox import letterbox
    from vision.source.decoded import picture_of

    size = resolve(str(model)).size
    row = np.full((size.height, size.width, 3), 114, np.uint8)
    times = []
    import cv2

    cv2.setNumThreads(1)
    with av.open(str(clip)) as container:
        for number, frame in enumerate(_frames(container)):
            picture = picture_of(frame)
            begun = time.perf_counter()
            letterbox(picture, row, 114)
            times.append(time.perf_counter() - begun)
            if number == 200:
                break
    return Figure(name="vision.letterbox", value=statistics.median(times) * 1000, unit="ms")


def _soak(place: Path, source: Path, model: Path, frames: int, progress: Progress) -> list[Figure]:
    """Memory of a node over many frames: the clip again and again, as one long file."""
    with av.open(str(source)) as container:
        once = sum(1 for packet in container.demux(video=0) if packet.size)
    long = place / "long.mp4"
    repeat(source, long, -(-frames // once))
    site = place / "soak.yaml"
    site.write_text(yaml.safe_dump(site_of([long]), allow_unicode=True), encoding="utf-8")
    progress(f"memory over {frames} frames")
    found = _in_process(_soaked, Setup(site, (long,), model, 0))
    samples = np.array(found["samples"])
    warm = samples[samples[:, 0] >= 0.1 * samples[-1, 0]]
    slope = float(np.polyfit(warm[:, 0], warm[:, 1], 1)[0]) * 10_000
    progress(f"  {found['frames']} frames at {found['frames'] / found['seconds']:.1f} frames/s")
    return [
        Figure(name="vision.memory.frames", value=found["frames"], unit="frames"),
        Figure(name="vision.memory.growth", value=slope, unit="MiB per 10,000 frames"),
        Figure(name="vision.memory.end", value=float(samples[-1, 1]), unit="MiB"),
    ]


def _soaked(setup: Setup) -> dict[str, Any]:
    from ioc.settings import EvidenceSettings, read_settings
    from vision.assembly import RunOptions, assembled
    from vision.summary import Progress as Step

    place = Path(tempfile.mkdtemp(prefix="soak-", dir=setup.site_file.parent))
    settings = read_settings(
        evidence=EvidenceSettings(dir=place / "evidence", keys_dir=place / "keys")
    )
    process = psutil.Process()
    samples: list[tuple[float, float]] = []

    def sample(step: Step) -> None:
        if step.frame % 100 == 0:
            samples.append((step.frame, process.memory_info().rss / 2**20))

    options = RunOptions(
        site_file=setup.site_file, model=str(setup.model), out=place / "events.jsonl", publish=False
    )
    with assembled(options, settings) as made:
        summary = made.node.run(sample)
    return {"frames": summary.frames, "seconds": summary.seconds, "samples": samples}
