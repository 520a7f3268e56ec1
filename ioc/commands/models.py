"""``ioc models``: the registry of ONNX models."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ioc.commands.models_train import train, train_heads, train_plates

if TYPE_CHECKING:
    from models.download import Progress
    from models.pull import Pulled

app = typer.Typer(help="Registry of ONNX models.", no_args_is_help=True)
app.command("train")(train)
app.command("train-heads")(train_heads)
app.command("train-plates")(train_plates)

Names = Annotated[list[str] | None, typer.Argument(help="Names of the manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback()
def _group() -> None:
    """Keep ``list`` a command of its own, however few commands there are."""


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the known models: contract, licence, and whether the file is here and whole."""
    from models.lock import taken_digest
    from models.manifest import load_manifest
    from models.part import path_of
    from models.registry import model_folders, present, sha256_of

    manifest, folders = load_manifest(), model_folders()
    rows = []
    for name, entry in manifest.models.items():
        state, found = "missing", None
        for path in present(entry, folders):
            expected = entry.sha256 or taken_digest(path.parent, name)
            state, found = "unproven" if expected is None else "altered", path
            if sha256_of(path) == expected:
                state = "ready"
                break
        partly = path_of(folders[0] / entry.file)
        if state == "missing" and partly.is_file():
            state = "partial"
        row: dict[str, Any] = {"name": name, "state": state, "path": found and str(found)}
        rows.append(row | entry.model_dump(mode="json"))
    if as_json:
        payload = {"folders": [str(folder) for folder in folders], "models": rows}
        typer.echo(json.dumps(payload, ensure_ascii=False))
        return
    typer.echo("folders " + ", ".join(str(folder) for folder in folders))
    for row in rows:
        size = f"{row['size'] / 1e6:.1f} MB" if row["size"] else ""
        typer.echo(
            f"{row['name']:<18} {row['state']:<8} {row['contract']:<14} {row['licence']:<10} "
            f"{size:>9}  {row['file']}"
        )


@app.command()
def pull(
    names: Names = None,
    every: Annotated[
        bool, typer.Option("--all", help="All models with an address and a known digest.")
    ] = False,
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask here first: base address (http, https, file) or folder; may be given twice.",
            envvar="IOC_MODELS_MIRROR",
        ),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Digest of the file, where the manifest has none.")
    ] = None,
    trust_first: Annotated[
        bool,
        typer.Option(
            "--trust-first",
            help="Where no digest is known, believe what comes, and keep its digest.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch model files; goes on where it was interrupted; counts only with the right digest."""
    from ioc.errors import ConfigError
    from models.download import Fetcher
    from models.manifest import load_manifest
    from models.pull import locations, wanted
    from models.pull import pull as pull_one
    from models.registry import model_folder

    manifest, folder, mirrors = load_manifest(), model_folder(), mirror or []
    chosen = list(dict.fromkeys(names or []))
    if every == bool(chosen):
        raise ConfigError("give the names of models, or --all; `ioc models list` shows them")
    if every:
        if sha256 is not None:
            raise ConfigError("--sha256 is of one file: give the name of one model")
        chosen = [
            name
            for name, entry in manifest.models.items()
            if entry.sources and (entry.sha256 or trust_first)
        ]
    elif sha256 is not None and len(chosen) != 1:
        raise ConfigError("--sha256 is of one file: give the name of one model")
    for name in chosen:  # wrong use is told before anything is fetched
        wanted(name, manifest, folder, sha256, trust_first)
        locations(manifest.entry(name), mirrors)
    outcomes = []
    fetcher = Fetcher(tell=_note)
    try:
        for name in chosen:
            with _progress_of(name) as progress:
                outcomes.append(
                    pull_one(
                        name,
                        manifest,
                        folder,
                        fetcher,
                        mirrors=mirrors,
                        given=sha256,
                        trust_first=trust_first,
                        progress=progress,
                    )
                )
            if not as_json:
                _print_outcome(outcomes[-1])
    except KeyboardInterrupt:
        _note("stopped; the same command goes on from there")
        raise typer.Exit(130) from None
    finally:
        fetcher.close()
    if as_json:
        rows = [asdict(each) | {"path": each.path and str(each.path)} for each in outcomes]
        typer.echo(json.dumps({"folder": str(folder), "models": rows}, ensure_ascii=False))
    if any(each.state == "failed" for each in outcomes):
        raise typer.Exit(1)


@app.command()
def verify(names: Names = None, as_json: AsJson = False) -> None:
    """Check digest and contract of the files that are here, and run each once; 1 on a fault.

    A model that is named and missing is a fault; one that is not named is not.
    """
    from models.manifest import load_manifest
    from models.registry import model_folders
    from models.verify import FAULTS, check

    manifest, folders = load_manifest(), model_folders()
    checks = []
    for name in names or manifest.models:
        found = check(name, manifest, folders)
        checks += [each for each in found if names or each.state != "missing"]
    wrong = [each for each in checks if each.state in FAULTS or each.state == "missing"]
    if as_json:
        rows = [asdict(each) | {"path": each.path and str(each.path)} for each in checks]
        typer.echo(json.dumps({"ok": not wrong, "models": rows}, ensure_ascii=False))
    else:
        for each in checks:
            place = each.path or folders[0]
            typer.echo(f"{each.name:<18} {each.state:<8} {place}")
            if each.detail:
                typer.echo(f"{'':<18} {each.detail}")
        if not checks:
            typer.echo(f"no model file in {', '.join(str(folder) for folder in folders)}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or paths; left out, all that are here.")
    ] = None,
    provider: Annotated[str, typer.Option(help="cpu, cuda, tensorrt or openvino.")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="Inference threads; 0 is all cores.")] = 0,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="Time for each model.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Milliseconds and GFLOP/s of one picture, against a matrix product of the same run."""
    from measure.bench import models as measured
    from measure.figures import print_figures

    chosen = measured.chosen(names or [])
    figures = measured.run(chosen, _note, provider=provider, threads=threads, seconds=seconds)
    print_figures(figures, as_json=as_json)


def _note(line: str) -> None:
    """Notes go to standard error, so that --json prints one object and nothing else."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _print_outcome(outcome: Pulled) -> None:
    if outcome.state == "failed":
        _note(f"{outcome.name}: not pulled: {'; '.join(outcome.faults)}")
        return
    proof = {
        "manifest": "digest as in the manifest",
        "given": "digest as given, kept in models.lock.toml",
        "lock": "digest as in models.lock.toml",
        "trust-first": f"digest believed, not proved, kept in models.lock.toml: {outcome.sha256}",
    }[outcome.proof or "manifest"]
    came = f" from {outcome.source}" if outcome.source else ""
    typer.echo(f"{outcome.name}: {outcome.state} {outcome.path}{came} ({proof})")
    for fault in outcome.faults:
        _note(f"{outcome.name}: {fault}")


class _progress_of:  # noqa: N801 (a context manager, used like a function)
    """Shows a download: a bar on a terminal, else a line every few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            return self._on_terminal()
        return _plain_lines(self._name)

    def _on_terminal(self) -> Progress:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        bar = self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        bar.start()
        task = bar.add_task(self._name, total=None)
        return lambda done, whole: bar.update(task, completed=done, total=whole)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _plain_lines(name: str, every_s: float = 5.0) -> Progress:
    """Progress for a log: size, share, speed and the time that is left, every few seconds."""
    import time

    told, from_bytes = time.monotonic(), 0
    first = True

    def progress(done: int, whole: int | None) -> None:
        nonlocal told, from_bytes, first
        now = time.monotonic()
        if first or done < from_bytes:
            told, from_bytes, first = now, done, False
            return
        if now - told < every_s:
            return
        speed = (done - from_bytes) / (now - told)
        line = f"{name}: {done / 1e6:.1f} MB"
        if whole:
            line += f" of {whole / 1e6:.1f} MB ({done / whole:.0%})"
        line += f", {speed / 1e6:.2f} MB/s"
        if whole and speed > 0:
            line += f", {(whole - done) / speed:.0f} s left"
        _note(line)
        told, from_bytes = now, done

    return progress
