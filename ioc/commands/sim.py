"""``ioc sim``: the simulator."""

from __future__ import annotations

from typing import Annotated

import typer

from ioc.commands.sim_clips import dataset, plates, video
from ioc.commands.sim_events import events

app = typer.Typer(
    help="Virtual devices, and rendered junctions with their ground truth.", no_args_is_help=True
)
app.command("events")(events)
app.command("video")(video)
app.command("dataset")(dataset)
app.command("plates")(plates)


@app.command("stream")
def stream(
    address: Annotated[
        str, typer.Argument(metavar="sim://PLACE/CAMERA?seed=1", help="Virtual camera.")
    ],
) -> None:
    """Write a virtual camera's live picture to standard output (NUT, VP8).

    It is what a camera whose source is sim://… starts, and ends with. To look at it:
    ioc sim stream sim://vi_thanh/cam-1 | ffplay -
    """
    from ioc.errors import ConfigError

    try:
        from simulator.live import live_frames
        from simulator.stream import run_stream

        run_stream(lambda: live_frames(address))
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] in _EXTRA:
            raise ConfigError(
                f"{address}: {error.name} is missing; virtual cameras need the extra 'sim': "
                "pip install -e '.[sim]'"
            ) from None
        raise


_EXTRA = frozenset({"libsumo", "sumolib", "sumo", "traci", "numba"})
