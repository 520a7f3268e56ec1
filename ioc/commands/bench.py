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


@app.command()
def review(
    cases: int = typer.Option(100_000, min=100, help="Open cases in the database."),
    reviewers: int = typer.Option(50, min=1, max=200, help="Who decide at once."),
    decisions: int = typer.Option(5_000, min=1, help="What they decide together."),
    as_json: bool = AsJson,
) -> None:
    """The review console: queue and next case among many, and many reviewers at once."""
    from measure.bench import review as bench
    from measure.bench.servers import prepared

    with prepared(external=False) as servers:
        figures = bench.run(
            *(servers.settings, servers.env, servers.folder, _progress),
            cases=cases,
            reviewers=reviewers,
            decisions=decisions,
        )
    _print(figures, as_json)


@app.command()
def wall(
    database: str = typer.Option(
        "", help="Server to make the database ioc_bench_wall on, as a URL; default: the settings'."
    ),
    sites: int = typer.Option(50, min=1, max=500, help="Junctions: 4 lanes and 10 sensors each."),
    days: int = typer.Option(730, min=1, max=3650, help="Days of data before the first load."),
    dense_days: int = typer.Option(9, min=0, help="The last ones, filled as often as in reality."),
    every: int = typer.Option(
        14_400, min=60, max=86_400, help="Seconds between two rows of a device before these."
    ),
    seed: int = typer.Option(1, min=0, help="The same seed gives the same rows."),
    runs: int = typer.Option(40, min=1, help="Of each query."),
    raw_runs: int = typer.Option(
        3, min=0, help="Of each query on the raw rows; 0 leaves them out."
    ),
    viewers: int = typer.Option(30, min=0, help="Who look at the screens at once; 0 is nobody."),
    length: str = typer.Option("60s", "--for", help="How long they look."),
    rate: int = typer.Option(500, min=5, help="Events a second that are written meanwhile."),
    as_json: bool = AsJson,
) -> None:
    """The wall's queries on years of data, against the raw rows, and with many viewers.

    Makes and keeps a database of its own, and fills it at the first run: an hour or so, 25 GB.
    Give the same numbers again and only what has passed since is added.
    """
    from ioc.commands.demo import seconds_of
    from ioc.errors import ConfigError
    from ioc.settings import load_settings
    from measure.bench.wall import bench
    from measure.bench.wall.place import Province, Spread
    from measure.figures import print_figures

    if dense_days > days:
        raise ConfigError(f"--dense-days {dense_days}: not more than --days {days}")
    figures, about = bench.run(
        database or load_settings().database.url,
        Province(sites, seed),
        Spread(days=days, dense_days=dense_days, every_s=every),
        bench.Wanted(
            runs=runs,
            raw_runs=raw_runs,
            viewers=viewers,
            seconds=seconds_of(length),
            rate=rate,
        ),
        _progress,
    )
    print_figures(figures, as_json=as_json, about=about)


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
