"""The wall: how things are now, for everybody who may log in. Counts only, no plate, no case."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from console.auth.guard import Who
from console.render import language_of, page
from console.texts import say, texts
from console.wall import Viewer, Wall, build

router = APIRouter()


class ViewerStream(StreamingResponse):
    """The stream of one viewer, who leaves however it ends."""

    media_type = "text/event-stream"

    def __init__(self, wall: Wall, viewer: Viewer) -> None:
        super().__init__(wall.frames(viewer), headers={"X-Accel-Buffering": "no"})
        self._wall = wall
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one side ends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._wall.leave(self._viewer)


@router.get("/wall")
async def show(request: Request, who: Who, kiosk: bool = False) -> Response:
    """The page; ``kiosk=1`` leaves the bar at the top out."""
    language = language_of(request, who)
    words = {key: say(language, key) for key in texts() if key.startswith("wall_")}
    return page(request, "wall.html", kiosk=kiosk, words=words, build=build())


@router.get(
    "/wall/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, 503: {"description": "Full"}},
)
async def stream(request: Request, who: Who) -> Response:
    """Everything, and then what changes, as server-sent events."""
    wall = wall_of(request)
    return ViewerStream(wall, wall.join(who))


@router.get("/wall/data")
async def data(request: Request, who: Who) -> Response:
    """The same at one instant, for scripts."""
    return Response(await wall_of(request).snapshot(), media_type="application/json")


def wall_of(request: Request) -> Wall:
    """The wall of the application that a request came to."""
    wall = request.app.state.wall
    assert isinstance(wall, Wall)
    return wall
