"""Files of finished tracks, whole or in ranges."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from app.models.track import FORMS
from app.routers.dependencies import Service, TrackId
from app.routers.problems import answers
from app.routers.ranged import stored_file_response

router = APIRouter(prefix="/downloads", tags=["downloads"])

# An unknown form is an unknown file (404), so the names are documented here, not validated.
Form = Annotated[
    str,
    Path(description="Form of the file; each track's record names those it has.", examples=["mp3"],
         json_schema_extra={"enum": list(FORMS)}),
]  # fmt: skip


def _file_bodies(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in dict.fromkeys(FORMS.values())
        },
    }


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _file_bodies("The whole file, as an attachment with a readable name"),
    206: _file_bodies("The range asked for"),
    307: {"description": "Where to fetch it instead, for a server set up so"},
    304: {"description": "The client's copy, named by `If-None-Match`, is still right"},
    **answers(404, 409, 416, 503),
}


# The lower one is documented first.
@router.head(
    "/{track_id:dotless}.{form:anything}",
    response_class=Response,
    responses=ANSWERS,
    operation_id="download_head",
    summary="Ask about a file",
)
@router.get(
    "/{track_id:dotless}.{form:anything}",
    response_class=Response,
    responses=ANSWERS,
    operation_id="download",
    summary="Download a file",
)
async def download(track_id: TrackId, form: Form, service: Service, request: Request) -> Response:
    """Forms made on demand are made now. Knows `Range`, `If-Range` and `If-None-Match`.

    A server may send a client on to an address of its object store, signed for an hour.
    """
    stored = await service.open_file(track_id, form)
    address = await stored.address() if stored.address is not None and request.method == "GET" else None
    return stored_file_response(request, stored, address)
