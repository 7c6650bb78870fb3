"""The studio: one page that plays everything the service can do, served whole from here with its own small modules."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from app.routers.ranged import client_has

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).resolve().parents[1] / "static" / "studio"

#: The page runs its own scripts and styles and speaks to this service, and nothing else may.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

#: Asked again each time, answered with 304 while nothing changed: an update of the service is an update of the page.
CACHE_CONTROL = "no-cache"

# Windows' registry may think otherwise of these.
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, in both ways it is sent."""

    plain: bytes
    gzipped: bytes
    media_type: str
    #: Strong tags, one for each way.
    plain_tag: str
    gzipped_tag: str


@cache
def _paths() -> dict[str, Path]:
    """Files of the page by name. Only what stands here is ever opened, whatever a request's path says."""
    found = (path for path in sorted(FOLDER.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


def assets() -> dict[str, Asset]:
    """Every file of the page by its path below the folder. One that was edited is read again."""
    return {name: _asset(path, path.stat().st_mtime_ns) for name, path in _paths().items()}


@lru_cache(maxsize=128)
def _asset(path: Path, _changed_ns: int) -> Asset:
    plain = path.read_bytes()
    media_type = _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(plain).hexdigest()[:32]
    return Asset(
        plain=plain,
        gzipped=gzip.compress(plain, 9, mtime=0),
        media_type=f"{media_type}; charset=utf-8",
        plain_tag=f'"{digest}"',
        gzipped_tag=f'"{digest}-gzip"',
    )


@router.head("/studio", operation_id="studio_head")
@router.get("/studio")
async def studio(request: Request) -> Response:
    """The page."""
    return _answer(request, "index.html")


@router.head("/studio/{path:path}", operation_id="studio_file_head")
@router.get("/studio/{path:path}")
async def studio_file(request: Request, path: str) -> Response:
    """A module, a style or a picture of the page."""
    return _answer(request, path)


def _answer(request: Request, path: str) -> Response:
    file = _paths().get(path)
    if file is None:
        raise HTTPException(404, "Not Found")
    asset = _asset(file, file.stat().st_mtime_ns)
    packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    tag = asset.gzipped_tag if packed else asset.plain_tag
    headers = {
        "ETag": tag,
        "Cache-Control": CACHE_CONTROL,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if client_has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = asset.gzipped if packed else asset.plain
    return Response(body, headers={**headers, "Content-Type": asset.media_type})


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, section 12.5.3).

    >>> _takes_gzip("br, gzip"), _takes_gzip("gzip;q=0"), _takes_gzip("")
    (True, False, False)
    """
    for offer in accepted.lower().split(","):
        name, _, weight = offer.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
