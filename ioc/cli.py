"""The program ``ioc``: every part of the system behind one command line.

Exit codes: 0 done, 1 a check failed, 2 wrong use or wrong configuration.
"""

from __future__ import annotations

import sys

import typer

from ioc import __version__
from ioc.commands import (
    accuracy,
    audit,
    bench,
    console,
    contract,
    dashboards,
    db,
    deadletter,
    edge,
    evidence,
    ingest,
    kafka,
    lgsp,
    local,
    models,
    plates,
    sim,
    streams,
    watch,
)
from ioc.commands.demo import demo
from ioc.errors import ConfigError

app = typer.Typer(
    name="ioc",
    help="Event-stream processor of the operations centre of Vị Thanh and Ngã Bảy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, group in (
    ("local", local.app),
    ("edge", edge.app),
    ("evidence", evidence.app),
    ("lgsp", lgsp.app),
    ("ingest", ingest.app),
    ("streams", streams.app),
    ("watch", watch.app),
    ("console", console.app),
    ("audit", audit.app),
    ("db", db.app),
    ("kafka", kafka.app),
    ("deadletter", deadletter.app),
    ("dashboards", dashboards.app),
    ("models", models.app),
    ("plates", plates.app),
    ("sim", sim.app),
    ("contract", contract.app),
    ("bench", bench.app),
    ("accuracy", accuracy.app),
):
    app.add_typer(group, name=name)


app.command()(demo)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; a wrong configuration ends it with one clear message and code 2."""
    try:
        app()
    except ConfigError as error:
        typer.echo(f"ioc: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:  # `ioc … | head`
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
