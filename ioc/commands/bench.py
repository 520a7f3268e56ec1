"""``ioc bench``: figures against a limit that the same run measures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

app = typer.Typer(help="Benchmarks against a limit measured in the same run.", no_args_is_help=True)

AsJson = typer.Option(False, "--json", help="Print one JSON object and nothing else.")
External = typer.Option(
    False, "--external", help="Use the servers of the settings; writes to them. Default: embedded."
)


@app.callback()
def group() -> None:
    """Benchmarks against a limit measured in the same run."""
    from ioc.settings import TelemetrySettings
    from ioc.telemetry import configure_logs

    # Logs go to standard error, where they do not mix with --json; only errors matter here.
    configure_logs(TelemetrySettings(log_level="error"), "bench")


@app.command()
def ingest(
    messages: int = typer.Option(40_000, min=1000, help="Messages of one drain."),
    rounds: int = typer.Option(5, min=1, max=50, help="Turns of each; the figure is the median."),
    broker: str = typer.Option(
        "auto", help="MQTT broker to start: mosquitto, embedded, or auto: Mosquitto if installed."
    ),
    external: bool = External,
    as_json: bool = AsJson,
) -> None:
    """Bridge throughput with Kafka's confirmation, against a bare paho receive loop."""
    from ioc.errors import ConfigError
    from measure.bench import ingest as bench
    from measure.bench.servers import Broker, prepared

    if broker not in list(Broker):
        raise ConfigError(f"--broker {broker!r}: known are {', '.join(Broker)}")
    with prepared(external, Broker(broker)) as servers:
        _progress(f"MQTT broker: {servers.broker}")
        figures = bench.run(servers.settings, _progress, messages=messages, rounds=rounds)
    _print(figures, as_json)


@app.command()
def sink(
    events: int = typer.Option(40_000, min=1000, help="Events in the topic."),
    rounds: int = typer.Option(5, min=1, max=50, help="Turns of each; the figure is the median."),
    external: bool = External,
    as_json: bool = AsJson,
) -> None:
    """Rows a second through Faust and through the writer alone, each against a bare loop.

    Empties the event tables between the turns.
    """
    from ioc.site import sites_folder
    from measure.bench import sink as bench
    from measure.bench import store
    from measure.bench.servers import prepared

    with prepared(external) as servers:
        figures = bench.run(
            servers.settings, _progress, events=events, rounds=rounds, sites=sites_folder()
        )
        figures += store.run(servers.settings, _progress)
    _print(figures, as_json)


@app.command("end-to-end")
def end_to_end(
    rate: list[float] = typer.Option([100.0, 500.0], help="Events a second; may be given twice."),
    length: str = typer.Option("5m", "--for", help="How long at each rate."),
    external: bool = External,
    as_json: bool = AsJson,
) -> None:
    """Latency from MQTT publish to the visible row, and memory of bridge and worker."""
    from ioc.commands.demo import seconds_of
    from measure.bench import end_to_end as bench
    from measure.bench.servers import prepared

    seconds = seconds_of(length)
    with prepared(external) as servers, servers.core() as pids:
        figures = bench.run(
            servers.settings,
            _progress,
            rates=rate,
            seconds=seconds,
            spool=servers.folder / "spool",
            pids=pids,
        )
    _print(figures, as_json)


@app.command()
def vision(
    cameras: list[int] = typer.Option([1, 4], help="Number of cameras; may be given twice."),
    rounds: int = typer.Option(3, min=1, max=50, help="Turns of each; the figure is the median."),
    model: Path | None = typer.Option(None, help="Model file; left out, YOLOX-nano of --data."),
    threads: int = typer.Option(0, min=0, help="Inference threads; 0 is all cores."),
    seconds: float = typer.Option(120, min=20, help="Video of a turn, all cameras together."),
    soak: int = typer.Option(0, min=0, help="Frames of the memory test, such as 20000; 0 is none."),
    data: Path | None = typer.Option(None, help="Folder of the real clips; default IOC_DATA_DIR."),
    as_json: bool = AsJson,
) -> None:
    """Frames a second of the whole camera node at 1080p, against bare decoding and inference."""
    import os

    from ioc.errors import ConfigError
    from measure.bench import vision as bench

    folder = data or Path(os.environ.get("IOC_DATA_DIR") or "../shared/data")
    chosen = model or folder / "models" / "yolox_nano_640.onnx"
    if not chosen.is_file():
        raise ConfigError(f"{chosen}: no such file; give --model, or --data (or IOC_DATA_DIR)")
    figures = bench.run(
        folder,
        _progress,
        cameras=cameras,
        rounds=rounds,
        model=chosen,
        threads=threads,
        soak=soak,
        seconds=seconds,
    )
    _print(figures, as_json)


def _progress(text: str) -> None:
    """Progress goes to standard error, so that --json prints one object and nothing else."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _print(figures: Any, as_json: bool) -> None:
    from measure.figures import print_figures

    print_figures(figures, as_json=as_json)
