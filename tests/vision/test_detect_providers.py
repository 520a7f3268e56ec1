from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnxruntime as ort
import pytest

from ioc.errors import ConfigError
from models.registry import Model, resolve
from tests.models.graphs import SIDE, detr_model, logits_model
from vision.detect import providers
from vision.detect.providers import (
    BATCHES,
    DetectorSettings,
    Gpu,
    Plan,
    batches_of,
    engine_key,
    open_session,
    options_of,
    plan_of,
)

PLAN = Plan(Path("m.onnx"), "a" * 64, {"images": (640, 640, 3)}, (1, 2, 4, 8), False, True)
L4 = Gpu("NVIDIA L4", "580.65", "101303")


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "gpu_of_this", lambda: L4)


def model(tmp_path: Path, batch: int | str = "N") -> Model:
    return resolve(str(logits_model(tmp_path / f"{batch}.onnx", 3, 91, batch)))


def test_engines_are_kept_apart_by_all_that_makes_them_what_they_are() -> None:
    keys = {
        engine_key(gpu, runtime, plan)
        for gpu, runtime, plan in (
            (L4, "1.31.1", PLAN),
            (replace(L4, name="NVIDIA A2"), "1.31.1", PLAN),
            (replace(L4, driver="590.1"), "1.31.1", PLAN),
            (replace(L4, tensorrt="110000"), "1.31.1", PLAN),
            (L4, "1.32.0", PLAN),
            (L4, "1.31.1", replace(PLAN, digest="b" * 64)),
            (L4, "1.31.1", replace(PLAN, shapes={"images": (416, 416, 3)})),
            (L4, "1.31.1", replace(PLAN, batches=(1, 2))),
        )
    }

    assert len(keys) == 8
    assert engine_key(L4, "1.31.1", replace(PLAN, graph=Path("elsewhere.onnx"))) in keys


def test_tensorrt_gets_a_cache_of_its_own_and_a_profile_for_all_batches(tmp_path: Path) -> None:
    told = options_of("tensorrt", PLAN, DetectorSettings(cache_dir=tmp_path))

    folder = tmp_path / "tensorrt" / engine_key(L4, ort.__version__, PLAN)
    assert told["trt_engine_cache_path"] == told["trt_timing_cache_path"] == str(folder)
    assert told["trt_profile_min_shapes"] == "images:1x640x640x3"
    assert told["trt_profile_opt_shapes"] == told["trt_profile_max_shapes"] == "images:8x640x640x3"
    assert told["trt_fp16_enable"] == told["trt_engine_cache_enable"] == "1"
    assert told["trt_cuda_graph_enable"] == "0"
    assert not folder.exists()


def test_tensorrt_needs_no_profile_for_a_graph_of_one_batch(tmp_path: Path) -> None:
    plan = replace(PLAN, batches=(1,), fixed=True)

    told = options_of("tensorrt", plan, DetectorSettings(cache_dir=tmp_path))

    assert not [key for key in told if "profile" in key]
    assert told["trt_cuda_graph_enable"] == "1"


def test_cuda_captures_graphs_only_where_they_are_wanted() -> None:
    assert options_of("cuda", PLAN, DetectorSettings())["enable_cuda_graph"] == "1"
    told = options_of("cuda", replace(PLAN, graphs=False), DetectorSettings())
    assert told["enable_cuda_graph"] == "0"
    assert told["arena_extend_strategy"] == "kSameAsRequested"
    assert told["cudnn_conv_algo_search"] == "EXHAUSTIVE"


def test_the_plan_of_a_file_names_all_its_inputs(tmp_path: Path) -> None:
    path = detr_model(tmp_path / "d.onnx", 2)

    plan = plan_of(resolve(str(path)), DetectorSettings(providers=("cuda",)))

    assert plan.shapes == {"picture": (3, SIDE, SIDE), "orig_target_sizes": (2,)}
    assert plan.batches == BATCHES


def test_batches_follow_the_graph_then_the_settings_then_the_provider(tmp_path: Path) -> None:
    any_batch = model(tmp_path)

    assert batches_of(model(tmp_path, 2), DetectorSettings(batches=(1, 4))) == (2,)
    assert batches_of(any_batch, DetectorSettings(batches=(4, 1, 4))) == (1, 4)
    assert batches_of(any_batch, DetectorSettings()) == (1,)
    assert batches_of(any_batch, DetectorSettings(providers=("openvino",))) == BATCHES
    with pytest.raises(ConfigError, match="sizes from 1 on"):
        batches_of(any_batch, DetectorSettings(batches=(0,)))


class FellBack:
    """What onnxruntime-gpu gives where no CUDA library is: a session on the CPU, and no error."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def disable_fallback(self) -> None: ...


def test_a_provider_that_did_not_load_is_told_with_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = model(tmp_path)
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(providers.PROVIDERS.values()))
    monkeypatch.setattr(ort, "InferenceSession", FellBack)

    with pytest.raises(ConfigError, match=r"--provider cuda: did not load, .*CPU.*cuDNN"):
        open_session(found, DetectorSettings(providers=("cuda", "cpu")))


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(providers.PROVIDERS.values()))
    (tmp_path / "file").write_text("")
    settings = DetectorSettings(providers=("tensorrt",), cache_dir=tmp_path / "file")

    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        open_session(model(tmp_path), settings)
