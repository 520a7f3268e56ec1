"""``ioc models bench``: what one picture costs a model, and what the machine could do.

The limit is a matrix product in the same runtime, on the same provider and threads: the most
multiplications a second that this machine gave in this run. A graph's own work is counted from its
convolutions and matrix products (two operations for each multiplication with its addition), which
are all but a few percent of a detector. A quantised graph multiplies whole numbers and has no such
limit; nor has a graph whose shapes do not say how much it multiplies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, shape_inference

from ioc.errors import ConfigError
from measure.figures import Figure, against
from models.manifest import load_manifest
from models.registry import Model, model_folders, present, resolve
from models.verify import grey_feed
from vision.detect.providers import PROVIDERS, DetectorSettings, check_provider, usable_cores

WARM_UP: Final = 5
SIDE: Final = 1024
"""Side of the matrices: 2.1 GFLOP, some milliseconds a core, far more work than memory traffic."""

QUANTISED: Final = frozenset(
    {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "DequantizeLinear"}
)


def chosen(names: Sequence[str]) -> list[Model]:
    """The named models; all whose file is there when none is named.

    Raises:
        ConfigError: One is unknown, missing or altered, or none is there.
    """
    manifest, folders = load_manifest(), model_folders()
    wanted = list(names) or [
        name for name, entry in manifest.models.items() if present(entry, folders)
    ]
    if not wanted:
        raise ConfigError(
            f"no model file in {', '.join(map(str, folders))}: ioc models pull yolox-nano, or name "
            "the path of a file"
        )
    return [resolve(name, manifest) for name in wanted]


def run(
    models: Sequence[Model],
    tell: Callable[[str], None],
    *,
    provider: str = "cpu",
    threads: int = 0,
    seconds: float = 5.0,
) -> list[Figure]:
    """Measure models one after the other.

    Args:
        models: The models.
        tell: Told what is being measured, and where there is no limit and why.
        provider: Short name of the execution provider.
        threads: Inference threads; 0 is one for each core.
        seconds: Time for each model.

    Raises:
        ConfigError: The provider is not in this onnxruntime or did not load.
    """
    check_provider(DetectorSettings(providers=(provider,)))
    threads = threads or usable_cores()
    tell(f"matrix product {SIDE}x{SIDE}, {provider}, {threads} threads")
    peaks = [_peak(provider, threads)]
    measured = []
    for model in models:
        tell(f"{model.name}, input {model.size.height}x{model.size.width}")
        session = _session(str(model.path), provider, threads)
        measured.append(_times(session, model, seconds))
        # Before and after each model: other work on the machine comes and goes.
        peaks.append(_peak(provider, threads))
    peak = max(peaks)
    figures = [Figure(name="models.peak", value=peak / 1e9, unit="GFLOP/s")]
    for model, times in zip(models, measured, strict=True):
        work, why = work_of(model)
        if why:
            tell(f"{model.name}: no limit: {why}")
        figures += _figures(model.name, times, model.batch or 1, work, peak)
    return figures


def _figures(
    name: str, times: Sequence[float], batch: int, work: float | None, peak: float
) -> list[Figure]:
    half, most = (float(each) for each in np.percentile(times, [50, 95]))
    rate = batch / half
    figures = [
        Figure(name=f"models.{name}.p50", value=half * 1e3, unit="ms"),
        Figure(name=f"models.{name}.p95", value=most * 1e3, unit="ms"),
    ]
    if work is None:
        return [*figures, Figure(name=f"models.{name}.rate", value=rate, unit="picture/s")]
    return [
        *figures,
        against(f"models.{name}.rate", rate, peak / work, "picture/s"),
        Figure(name=f"models.{name}.work", value=work / 1e9, unit="GFLOP/picture"),
    ]


def _session(graph: str | bytes, provider: str, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted = PROVIDERS[provider]
    try:
        session = ort.InferenceSession(graph, options, providers=[wanted])
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        raise ConfigError(f"--provider {provider}: {' '.join(str(error).split())[:200]}") from None
    if session.get_providers()[0] != wanted:
        raise ConfigError(f"--provider {provider}: onnxruntime fell back to another; see its log")
    return session


def _bound(
    session: ort.InferenceSession, feed: dict[str, Any], outputs: Sequence[str]
) -> Callable[[], None]:
    binding = session.io_binding()
    for name, values in feed.items():
        binding.bind_cpu_input(name, values)
    for name in outputs:
        binding.bind_output(name, "cpu")

    def once() -> None:
        session.run_with_iobinding(binding)

    return once


def _times(session: ort.InferenceSession, model: Model, seconds: float) -> list[float]:
    """Seconds of each run, from and to host memory."""
    names = list(model.contract.outputs) or [model.outputs[0].name]
    once = _bound(session, grey_feed(model), names)
    for _ in range(WARM_UP):
        once()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        once()
        times.append(time.perf_counter() - begin)
    return times


def _peak(provider: str, threads: int, turns: int = 12) -> float:
    """Operations a second of a matrix product in the same runtime: the best of some turns."""
    shape = [SIDE, SIDE]
    values = np.random.default_rng(0).random(shape, np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        "peak",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ab"],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, shape)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 9
    once = _bound(
        _session(made.SerializeToString(), provider, threads), {"a": values, "b": values}, ["c"]
    )
    once()
    best = math.inf
    for _ in range(turns):
        begin = time.perf_counter()
        once()
        best = min(best, time.perf_counter() - begin)
    return 2.0 * SIDE**3 / best


def work_of(model: Model) -> tuple[float | None, str]:
    """Operations for one picture; or None, and why there is no such number."""
    graph = onnx.load(str(model.path), load_external_data=False)
    kinds = {node.op_type for node in graph.graph.node}
    if found := sorted(kinds & QUANTISED):
        return None, f"it is quantised ({', '.join(found)})"
    batch = model.batch or 1
    shapes = {tensor.name: tensor.shape for tensor in model.inputs}
    for value in graph.graph.input:
        if value.name not in shapes:
            continue
        sides = value.type.tensor_type.shape.dim
        for number, (side, fixed) in enumerate(zip(sides, shapes[value.name], strict=True)):
            side.dim_value = fixed if isinstance(fixed, int) else batch if number == 0 else 0
    try:
        graph = shape_inference.infer_shapes(graph, data_prop=True)
    except Exception as error:  # onnx raises its own classes, all straight from Exception
        return None, f"its shapes cannot be told ({' '.join(str(error).split())[:80]})"
    known = _known_shapes(graph)
    total = 0.0
    for node in graph.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
            continue
        work = _node_work(node, known)
        if work is None:
            return None, f"the shapes round {node.op_type} {node.name} are open"
        total += work
    return (total / batch, "") if total else (None, "it multiplies nothing")


def _known_shapes(graph: Any) -> dict[str, list[int]]:
    known = {each.name: list(each.dims) for each in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    known[node.output[0]] = list(attribute.t.dims)
    for value in (*graph.graph.input, *graph.graph.value_info, *graph.graph.output):
        sides = value.type.tensor_type.shape.dim
        if sides and all(side.HasField("dim_value") and side.dim_value > 0 for side in sides):
            known[value.name] = [side.dim_value for side in sides]
    return known


def _node_work(node: Any, known: dict[str, list[int]]) -> float | None:
    """Two operations for each multiplication: each output value sums over what is contracted."""
    first, second = known.get(node.input[0]), known.get(node.input[1])
    out = known.get(node.output[0])
    if second is None:
        return None
    if node.op_type == "Conv":  # weights [out, in / groups, …kernel]
        return None if out is None else 2.0 * math.prod(out) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":  # weights [in, out / groups, …kernel]
        return None if first is None else 2.0 * math.prod(first) * math.prod(second[1:])
    if out is None or len(second) < 2:
        return None
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return 2.0 * math.prod(out) * (second[-1] if turned else second[-2])
