"""The shipped verifier: an intact export passes, and whatever is changed is found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from console.export.manifest import sign
from ioc.manifest import canonical
from tests.console.export.intact import SHIPPED, Exported, changed, flipped, run
from tests.console.export.values import plain


def test_it_runs_alone_on_the_folder_and_on_the_archive(exported: Exported, tmp_path: Path) -> None:
    assert (exported.folder / "verify.py").read_bytes() == SHIPPED.read_bytes()
    pinned = tmp_path / "console.pem"
    pinned.write_text(exported.key.public_pem())
    for words in ([], [str(exported.archive)], [str(exported.folder), "--key", str(pinned)]):
        done = subprocess.run(
            [sys.executable, "-I", str(exported.folder / "verify.py"), *words],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "NGUYÊN VẸN" in done.stdout
        assert "Mốc ký ngày" in done.stdout
    assert list(tmp_path.iterdir()) == [pinned]


def test_it_imports_nothing_of_ours() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    imported = {
        line.split()[1].split(".")[0]
        for line in lines
        if line.strip().startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_says_what_it_needs(exported: Exported, tmp_path: Path) -> None:
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text("import sys; sys.modules['cryptography'] = None\n")
    done = subprocess.run(
        [sys.executable, str(exported.folder / "verify.py")],
        env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install cryptography" in done.stderr


def test_wrong_use_is_told(tmp_path: Path) -> None:
    assert run(tmp_path / "nothing")[0] == 2
    (tmp_path / "a.zip").write_bytes(b"no zip")
    assert run(tmp_path / "a.zip")[0] == 1
    (tmp_path / "empty").mkdir()
    code, said = run(tmp_path / "empty")
    assert code == 1
    assert "manifest.json" in said


# --- one bit, one file ---------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_flipped_bit_in_any_file_is_found(exported: Exported, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(exported.files))
    content = (exported.folder / name).read_bytes()
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    with changed(exported, name, flipped(content, bit)) as folder:
        code, said = run(folder)
    assert code == 1, (name, bit, said)


def test_a_signature_over_something_else_is_found(exported: Exported) -> None:
    manifest = (exported.folder / "manifest.json").read_bytes()
    signed = json.loads(sign(manifest, exported.key))
    signed["signature"] = exported.key.sign(manifest + b" ").hex()
    with changed(exported, "signature.json", canonical(signed)) as folder:
        code, said = run(folder)
    assert code == 1
    assert "the signature does not fit" in said


def test_each_file_is_missed_and_each_cut_is_found(exported: Exported) -> None:
    for name in exported.files:
        content = (exported.folder / name).read_bytes()
        for data in (None, b"", content[:-1], content + b"\0"):
            with changed(exported, name, data) as folder:
                assert run(folder)[0] == 1, name
    assert run(exported.folder)[0] == 0


def test_a_file_that_was_added_is_found(exported: Exported) -> None:
    for name in ("more.txt", "evidence/more.jpg", "keys/other.pem", ".hidden", "a/b/c/d/e.txt"):
        with changed(exported, name, b"x") as folder:
            assert run(folder)[0] == 1, name
        shutil.rmtree(exported.folder / "a", ignore_errors=True)


def test_links_are_not_followed(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes((exported.folder / "record.pdf").read_bytes())
    with changed(exported, "record.pdf", None):
        (exported.folder / "record.pdf").symlink_to(tmp_path / "outside")
        code, said = run(exported.folder)
        (exported.folder / "record.pdf").unlink()
        (exported.folder / "record.pdf").write_bytes(b"")
    assert code == 1
    assert "record.pdf" in said
    (exported.folder / "more").symlink_to(tmp_path)
    try:
        assert run(exported.folder)[0] == 1
    finally:
        (exported.folder / "more").unlink()
    assert run(exported.folder)[0] == 0


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_dropped_or_moved_line_of_the_audit_is_found(
    exported: Exported, data: st.DataObject
) -> None:
    lines = (exported.folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    dropped = [*lines[:place], *lines[place + 1 :]]
    doubled = [*lines[:place], lines[place], *lines[place:]]
    swapped = list(lines)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    for some in (dropped, doubled, swapped):
        if some == lines:
            continue
        with changed(exported, "audit.jsonl", b"".join(some)) as folder:
            assert run(folder)[0] == 1


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_manifest_is_found(exported: Exported, data: st.DataObject) -> None:
    manifest = json.loads((exported.folder / "manifest.json").read_bytes())
    value: Any = manifest
    while True:  # down to some leaf
        keys = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(value[key], dict | list) or not value[key]:
            break
        value = value[key]
    value[key] = data.draw(plain.filter(lambda one: one != value[key]))
    with changed(exported, "manifest.json", canonical(manifest)) as folder:
        assert run(folder)[0] == 1
