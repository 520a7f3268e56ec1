"""Where a model runs: onnxruntime's execution providers, their options, and no silent fallback."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import onnxruntime as ort

from ioc.errors import ConfigError
from ioc.telemetry import logger
from models.registry import Model

PROVIDERS: Final[dict[str, str]] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Short names of onnxruntime's execution providers."""

GPU: Final = frozenset({"tensorrt", "cuda"})
"""Providers whose memory is that of an NVIDIA GPU."""

INSTALL: Final[dict[str, str]] = {
    "tensorrt": "the package onnxruntime-gpu and NVIDIA's TensorRT libraries",
    "cuda": "the package onnxruntime-gpu and NVIDIA's CUDA and cuDNN libraries",
    "openvino": "the package onnxruntime-openvino",
    "cpu": "the package onnxruntime",
}

BATCHES: Final = (1, 2, 4, 8)
"""Sizes that are run on a graph with any batch, each captured or built once; others are padded."""


def default_cache() -> Path:
    """Where engines and prepared graphs are kept, unless the settings say otherwise."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "haugiang-ioc"


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How detection runs.

    Attributes:
        providers: Execution providers by short name, the wanted one first.
        threads: Threads of the session; 0 is one for each core that this process may use.
        least_score: Boxes below are dropped. Low on purpose: the tracker uses faint boxes to keep
            vehicles that it already knows (ByteTrack), never to start one.
        overlap: Intersection over union above which the lesser of two boxes falls.
        batches: Batch sizes to run, for a graph that takes any; None leaves it to the provider:
            one on a CPU, where larger ones gained nothing (105, 107, 104 and 77 frames a second
            at 1, 2, 4 and 8), and ``BATCHES`` elsewhere.
        cache_dir: Folder of TensorRT's engines and of graphs made ready for a GPU.
    """

    providers: tuple[str, ...] = ("cpu",)
    threads: int = 0
    least_score: float = 0.1
    overlap: float = 0.5
    batches: tuple[int, ...] | None = None
    cache_dir: Path = field(default_factory=default_cache)


@dataclass(frozen=True, slots=True)
class Gpu:
    """What an engine of TensorRT is good for; it must not be used on anything else.

    Attributes:
        name: Of the GPU.
        driver: Its driver's version.
        tensorrt: TensorRT's version.
    """

    name: str
    driver: str
    tensorrt: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is going to be used for.

    Attributes:
        graph: The ONNX file.
        digest: SHA-256 of the model that it was made from.
        shapes: Input → its shape without the batch.
        batches: Batch sizes that will be run, ascending.
        fixed: Whether the graph itself states the batch.
        graphs: Whether CUDA graphs are captured.
    """

    graph: Path
    digest: str
    shapes: Mapping[str, tuple[int, ...]]
    batches: tuple[int, ...]
    fixed: bool
    graphs: bool = False


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def batches_of(model: Model, settings: DetectorSettings) -> tuple[int, ...]:
    """Batch sizes to run, ascending.

    Raises:
        ConfigError: The settings ask for a batch of nothing.
    """
    if model.batch is not None:
        return (model.batch,)
    if settings.batches is None:
        return (1,) if settings.providers[:1] == ("cpu",) else BATCHES
    if not settings.batches or min(settings.batches) < 1:
        raise ConfigError(f"batches {settings.batches}: give sizes from 1 on")
    return tuple(sorted(set(settings.batches)))


def engine_key(gpu: Gpu, runtime: str, plan: Plan) -> str:
    """Name of the folder that engines are kept in.

    An engine runs on the very GPU, driver and TensorRT that built it; and onnxruntime itself tells
    engines of one graph apart by the graph's name, not by its weights or shapes. So all that
    makes an engine what it is goes into the key.

    Args:
        gpu: What it is built on.
        runtime: onnxruntime's version.
        plan: What it is built for.
    """
    shapes = ";".join(f"{name}={shape}" for name, shape in sorted(plan.shapes.items()))
    parts = (gpu.name, gpu.driver, gpu.tensorrt, runtime, plan.digest, shapes, str(plan.batches))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def options_of(provider: str, plan: Plan, settings: DetectorSettings) -> dict[str, str]:
    """The options of a provider; nothing is created on the disk.

    Args:
        provider: Short name.
        plan: What the session is going to be used for.
        settings: How detection runs.
    """
    match provider:
        case "cuda":
            return {
                # By powers of two the arena takes up to twice the memory that is used.
                "arena_extend_strategy": "kSameAsRequested",
                # Shapes are fixed, so that the search is paid once, in the warm-up.
                "cudnn_conv_algo_search": "EXHAUSTIVE",
                "do_copy_in_default_stream": "1",
                "enable_cuda_graph": "1" if plan.graphs else "0",
            }
        case "tensorrt":
            return _tensorrt_options(plan, settings)
        case "openvino":
            found = {
                "device_type": "AUTO",
                "cache_dir": str(settings.cache_dir / "openvino" / plan.digest[:32]),
            }
            if settings.threads:
                found["num_of_threads"] = str(settings.threads)
            return found
        case _:
            return {}


def _tensorrt_options(plan: Plan, settings: DetectorSettings) -> dict[str, str]:
    folder = settings.cache_dir / "tensorrt" / engine_key(gpu_of_this(), ort.__version__, plan)
    found = {
        "trt_fp16_enable": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        # Only one shape can be captured safely: the ids of captured graphs are the CUDA provider's.
        "trt_cuda_graph_enable": "1" if plan.graphs and len(plan.batches) == 1 else "0",
    }
    if not plan.fixed:
        # Without profiles every new batch size builds the engine anew, for minutes.
        ends = {"min": plan.batches[0], "opt": plan.batches[-1], "max": plan.batches[-1]}
        for end, batch in ends.items():
            found[f"trt_profile_{end}_shapes"] = ",".join(
                f"{name}:{'x'.join(map(str, (batch, *shape)))}"
                for name, shape in plan.shapes.items()
            )
    return found


def check_provider(settings: DetectorSettings) -> str:
    """The wanted provider's short name.

    Raises:
        ConfigError: One is unknown, or the wanted one is not in this onnxruntime.
    """
    unknown = [name for name in settings.providers if name not in PROVIDERS]
    if unknown or not settings.providers:
        raise ConfigError(
            f"--provider {', '.join(unknown) or '(none)'}: known are {', '.join(PROVIDERS)}"
        )
    first = settings.providers[0]
    available = ort.get_available_providers()
    if PROVIDERS[first] not in available:
        short = ", ".join(name for name, full in PROVIDERS.items() if full in available)
        raise ConfigError(
            f"--provider {first}: this onnxruntime {ort.__version__} has only {short}; install "
            f"{INSTALL[first]}, or choose one of these"
        )
    return first


def open_session(
    model: Model, settings: DetectorSettings, plan: Plan | None = None
) -> ort.InferenceSession:
    """A session on the first of the configured providers.

    onnxruntime falls back to the CPU without a word that a program could read, and a node that
    should run at 100 frames a second then runs at 5; so the wanted provider must be first in what
    the session really has, and falling back later, when a run fails, is switched off.

    Args:
        model: The model.
        settings: How detection runs.
        plan: What the session is used for; the model's file as it is when left out.

    Raises:
        ConfigError: The provider is unknown, not in this onnxruntime, or did not load.
    """
    first = check_provider(settings)
    available = ort.get_available_providers()
    plan = plan or plan_of(model, settings)
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted = [
        (
            PROVIDERS[name],
            options_of(name, plan if name == first else replace(plan, graphs=False), settings),
        )
        for name in settings.providers
        if PROVIDERS[name] in available
    ]
    for _, chosen in wanted:
        for key in ("trt_engine_cache_path", "cache_dir"):
            if key in chosen:
                make_folder(Path(chosen[key]))
    try:
        session = ort.InferenceSession(str(plan.graph), options, providers=wanted)
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        line = str(error).strip().splitlines()[0][:200]
        raise ConfigError(f"{model.path}: onnxruntime cannot run it: {line}") from None
    session.disable_fallback()
    loaded = session.get_providers()
    if loaded[0] != PROVIDERS[first]:
        raise ConfigError(
            f"--provider {first}: did not load, onnxruntime fell back to {loaded[0]}; it needs "
            f"{INSTALL[first]}, of the versions that it told above, and a driver that fits them"
        )
    return session


def plan_of(model: Model, settings: DetectorSettings) -> Plan:
    """The plan of a model's file as it is."""
    channels_last = model.contract.layout == "NHWC"
    shapes: dict[str, tuple[int, ...]] = {}
    for tensor in model.inputs:
        if tensor.name == model.contract.size_input:
            shapes[tensor.name] = (2,)
        else:
            shapes[tensor.name] = (*model.size, 3) if channels_last else (3, *model.size)
    return Plan(
        model.path,
        model.sha256,
        shapes,
        batches_of(model, settings),
        model.batch is not None,
    )


def make_folder(folder: Path) -> None:
    """Make a folder of the cache.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror}; engines are kept there, set XDG_CACHE_HOME to a folder "
            "that this service may write to"
        ) from None


@lru_cache(maxsize=1)
def gpu_of_this() -> Gpu:
    """The GPU of this machine, its driver and TensorRT; "unknown" where one cannot be told."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
        name, _, driver = told.splitlines()[0].partition(", ")
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        logger("vision.detect").warning("nvidia-smi told nothing", error=str(error))
        name, driver = "unknown", "unknown"
    return Gpu(name.strip(), driver.strip(), _tensorrt_version())


def _tensorrt_version() -> str:
    for library in ("libnvinfer.so.11", "libnvinfer.so.10", "libnvinfer.so"):
        try:
            return str(ctypes.CDLL(library).getInferLibVersion())
        except (OSError, AttributeError):
            continue
    return "unknown"
