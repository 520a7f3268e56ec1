"""``ioc watch``: how the core itself is doing, for the wall and its alerts."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Watches the core: lag, disks, certificates, parts that are up.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Watches the core: lag, disks, certificates, parts that are up."""


@app.command()
def run() -> None:
    """Write figures of the core into the database until SIGTERM or Ctrl-C.

    One on each machine. Settings: sections watch, database, kafka, streams and telemetry of
    ioc.toml, or IOC_* variables. The figures: docs/core-figures.md.
    """
    from ioc.service import run_until_signal
    from ioc.settings import load_settings
    from streams.watch import Watch

    settings = load_settings()
    run_until_signal("watch", lambda: Watch(settings))


@app.command()
def look() -> None:
    """Look at everything once and print it, storing nothing; exit code 1 if anything is down.

    Rates, delays and counts of what is new need two looks, and are not among it.
    """
    import asyncio

    from ioc.settings import load_settings
    from ioc.telemetry import configure_logs
    from streams.watch import Watch

    settings = load_settings()
    configure_logs(settings.telemetry.model_copy(update={"log_level": "error"}), "watch")
    figures, faults = asyncio.run(Watch(settings).once())
    for one in sorted(figures, key=lambda one: (one.part, one.figure, one.label)):
        name = f"{one.part} {one.figure}" + (f" [{one.label}]" if one.label else "")
        typer.echo(f"{name:<60} {one.value:.6g} {one.unit}".rstrip())
    for name, why in sorted(faults.items()):
        typer.echo(f"ioc: {name}: {why}", err=True)
    if faults:
        raise typer.Exit(1)
