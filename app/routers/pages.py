"""The front door, the health check, and the documentation, served whole from here: it needs no internet."""

from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from app import __version__
from app.models.api import Health, Welcome
from app.routers.problems import answers

#: Where the scripts and styles of the documentation pages are served.
ASSETS = "/docs-assets"

#: Nothing is fetched from elsewhere, whatever the pages' scripts would like (ReDoc asks a CDN for its logo).
_ONLY_FROM_HERE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src blob:; frame-ancestors 'self'"
)

router = APIRouter(tags=["service"])


@router.get("/", responses=answers(), summary="Who answers here")
async def welcome() -> Welcome:
    """A welcome, and where to read on."""
    return Welcome(
        message="Welcome to Music AI Generator Backend",
        status="running",
        version=__version__,
        created_by="Sergie Code",
        docs="/docs",
    )


@router.get("/health", responses=answers(), summary="Is the service up")
async def health() -> Health:
    """Answers while the server runs; touches neither queue nor storage."""
    return Health(status="healthy", service="music-ai-generator-backend", version=__version__)


@router.get("/docs", include_in_schema=False)
async def swagger_page(request: Request) -> HTMLResponse:
    """The documentation to try out."""
    root = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{root}{request.app.openapi_url}",
        title=f"{request.app.title} - Swagger UI",
        swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
        # The validator would send the address of this service to somebody else's.
        swagger_ui_parameters={"validatorUrl": None, "displayRequestDuration": True},
    )
    return _closed(page)


@router.get("/redoc", include_in_schema=False)
async def redoc_page(request: Request) -> HTMLResponse:
    """The documentation to read."""
    root = request.scope.get("root_path", "")
    page = get_redoc_html(
        openapi_url=f"{root}{request.app.openapi_url}",
        title=f"{request.app.title} - ReDoc",
        redoc_js_url=f"{root}{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=f"{root}{ASSETS}/favicon.png",
        with_google_fonts=False,
    )
    return _closed(page)


def add_assets(app: FastAPI) -> None:
    """Serve the pages' scripts and styles, which the fastapi-offline package brings."""
    app.mount(ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs-assets")


def _closed(page: HTMLResponse) -> HTMLResponse:
    page.headers["Content-Security-Policy"] = _ONLY_FROM_HERE
    return page
