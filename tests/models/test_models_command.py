"""``ioc models`` as a person or a script uses it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from models.manifest import Entry, load_manifest
from models.part import path_of
from tests.models.file_server import Answer, serving
from tests.models.graphs import logits_model
from tests.models.onnx_file import constant_model
from tests.servers import ROOT

NAME = "rf-detr-medium"  # in the manifest without a digest, so that any right graph can play it
IOC = [sys.executable, "-m", "ioc.cli", "models"]


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = logits_model(tmp_path / "made.onnx", 3, 91, names=("pred_boxes", "logits"))
    # Something to fetch: a comment of 2 MB, which the format allows.
    model = onnx.load(str(path))
    model.doc_string = "x" * 2_000_000
    path.unlink()
    return bytes(model.SerializeToString())


def env(folder: Path) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("IOC_")}
    return plain | {"IOC_MODELS_DIR": str(folder), "NO_PROXY": "*"}


def ioc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*IOC, *words], env=env(folder), capture_output=True, text=True, timeout=60, check=False
    )


def upstream() -> dict[str, Entry]:
    """The models that come from elsewhere."""
    return {name: entry for name, entry in load_manifest().models.items() if entry.sources}


def one_object(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def heeds_ctrl_c() -> None:
    """A job in the background of a shell ignores SIGINT, and every child inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until_grown(process: subprocess.Popen[bytes], part: Path, least: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "it ended before it could be killed"
        if part.is_file() and part.stat().st_size >= least:
            return
        time.sleep(0.01)
    pytest.fail("nothing came in 30 s")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_goes_on_where_it_was(
    tmp_path: Path, content: bytes, ending: signal.Signals
) -> None:
    folder = tmp_path / "models"
    part = path_of(folder / "rfdetr_medium.onnx")
    digest = hashlib.sha256(content).hexdigest()
    with serving(content) as server:
        server.script = [Answer(pause_s=0.1)]
        words = ["pull", NAME, "--mirror", server.url, "--sha256", digest]
        process = subprocess.Popen(
            [*IOC, *words], env=env(folder), stderr=subprocess.PIPE, preexec_fn=heeds_ctrl_c
        )
        wait_until_grown(process, part, 300_000)
        process.send_signal(ending)
        _, said = process.communicate(timeout=20)
        left = part.stat().st_size
        assert process.returncode == (-9 if ending == signal.SIGKILL else 130), said
        assert not (folder / "rfdetr_medium.onnx").exists()

        done = ioc(folder, *words, "--json")

    assert done.returncode == 0, done.stderr
    (row,) = one_object(done)["models"]
    assert (row["state"], row["proof"], row["sha256"]) == ("pulled", "given", digest)
    assert server.ranges_asked() == [None, left]
    assert Path(row["path"]).read_bytes() == content
    assert sorted(path.name for path in folder.iterdir()) == [
        "models.lock.toml",
        "rfdetr_medium.onnx",
    ]


def test_pull_then_list_then_verify(tmp_path: Path, content: bytes) -> None:
    with serving(content) as server:
        refused = ioc(tmp_path, "pull", NAME, "--mirror", server.url)
        pulled = ioc(tmp_path, "pull", NAME, "--mirror", server.url, "--trust-first")
    listed = one_object(ioc(tmp_path, "list", "--json"))
    verified = ioc(tmp_path, "verify", "--json")
    (tmp_path / "rfdetr_medium.onnx").write_bytes(content[:-1])
    altered = ioc(tmp_path, "verify")

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"ioc: {NAME}: the manifest has no digest of this file;")
    assert pulled.returncode == 0
    assert "digest believed, not proved" in pulled.stdout
    assert {row["name"]: row["state"] for row in listed["models"]}[NAME] == "ready"
    assert verified.returncode == 0
    assert one_object(verified)["ok"] is True
    assert altered.returncode == 1
    assert "altered" in altered.stdout
    assert f"ioc models pull {NAME}" in altered.stdout


def test_a_failed_pull_ends_with_one_and_tells_every_source(tmp_path: Path) -> None:
    with serving(b"<html>Please log in") as server:
        done = ioc(tmp_path, "pull", "yolox-nano-640", "--mirror", server.url, "--json")

    assert done.returncode == 1
    (row,) = one_object(done)["models"]
    assert row["state"] == "failed"
    assert row["faults"] == [
        f"{server.url}/yolox_nano_640.onnx: a web page came, no model: a login page, or a "
        "proxy's notice"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pull"], "give the names of models, or --all"),
        (["pull", "yolox-s", "--all"], "give the names of models, or --all"),
        (["pull", "yolox-giant"], "yolox-giant: no model of that name; known are yolox-nano-416"),
        (["pull", "yolox-s", "yolox-m", "--sha256", "0" * 64], "--sha256 is of one file"),
        (["verify", "yolox-giant"], "yolox-giant: no model of that name"),
        (["bench", "yolox-s"], "yolox_s.onnx: no such file; put yolox_s.onnx there (ioc models"),
    ],
)
def test_wrong_use_is_one_line_and_two(tmp_path: Path, words: Sequence[str], said: str) -> None:
    done = ioc(tmp_path, *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_named_model_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    assert ioc(tmp_path, "verify").returncode == 0

    done = ioc(tmp_path, "verify", "yolox-s")

    assert done.returncode == 1
    assert "ioc models pull yolox-s" in done.stdout


def test_the_mirror_of_the_environment_is_used(tmp_path: Path, content: bytes) -> None:
    with serving(content) as server:
        done = subprocess.run(
            [*IOC, "pull", NAME, "--trust-first"],
            env=env(tmp_path) | {"IOC_MODELS_MIRROR": server.url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert server.paths == ["/rfdetr_medium.onnx"]


def test_bench_prints_figures_against_a_limit(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "c.onnx", (1, 3, 32, 32), np.zeros((1, 21, 85), np.float32))

    done = ioc(tmp_path, "bench", str(path), "--seconds", "0.5", "--threads", "1", "--json")

    assert done.returncode == 0, done.stderr
    found = one_object(done)
    names = {figure["name"] for figure in found["figures"]}
    assert names == {"models.peak", "models.c.p50", "models.c.p95", "models.c.rate"}
    assert "it multiplies nothing" in done.stderr
    assert found["environment"]["cores"]


def test_every_model_says_where_its_digest_and_its_file_come_from() -> None:
    for name, entry in upstream().items():
        assert entry.sha256 is None or entry.sha256_from, name
        assert entry.licence == "Apache-2.0", name
        for source in entry.sources:
            assert source.startswith("https://"), name
    official = load_manifest().models["yolox-s"].sha256
    assert official == "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063"


def test_the_document_tells_of_every_model() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for name, entry in upstream().items():
        assert f"`{name}`" in text, name
        assert entry.sha256 is None or entry.sha256[:16] in text, name


def test_a_wheel_carries_the_manifest_and_our_own_weights(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")

    carried = set(zipfile.ZipFile(wheel).namelist())

    own = {f"models/weights/{path.name}" for path in (ROOT / "models/weights").glob("*.onnx")}
    assert {"models/manifest.toml"} | own <= carried
