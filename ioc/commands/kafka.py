"""``ioc kafka``: the Kafka topics."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Kafka topics.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Kafka topics."""


@app.command()
def init(
    timeout: Annotated[
        float, typer.Option(min=1, help="Longest wait for the broker, seconds.")
    ] = 60.0,
) -> None:
    """Create the topics that are missing and check those that are there; safe to repeat."""
    from ioc.kafka import KafkaUnavailableError, await_broker, create_topics
    from ioc.settings import load_settings

    settings = load_settings().kafka

    def waiting(seconds: float) -> None:
        typer.echo(f"waiting for Kafka at {settings.bootstrap}: {seconds:.0f} s", err=True)

    try:
        results = create_topics(await_broker(settings.bootstrap, timeout, waiting), settings)
    except KafkaUnavailableError as error:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1) from None
    for result in results:
        typer.echo(f"{result.state:<8} {result.topic:<22} {result.detail}")
    if any(result.state == "differs" for result in results):
        raise typer.Exit(1)
