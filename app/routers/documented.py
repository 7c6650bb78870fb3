"""An application whose OpenAPI document says what is so: no more, no less."""

from typing import Any

from fastapi import FastAPI

from app.routers.gate import is_open
from app.routers.problems import answers


class DocumentedAPI(FastAPI):
    """FastAPI declares a 422 for every route with a parameter; here only routes that may answer it do."""

    #: Whether requests need a key.
    asks_for_keys = False

    def ask_for_keys(self) -> None:
        """Let the document say that requests need a key."""
        self.asks_for_keys = True

    #: Whether clients may have asked too much.
    has_limits = False

    def say_limits(self) -> None:
        """Let the document say that any request may be answered with 429."""
        self.has_limits = True

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            if self.has_limits:
                for operations in document["paths"].values():
                    for operation in operations.values():
                        _declare(operation, 429)
            if self.asks_for_keys:
                _add_keys(document)
            for operations in document["paths"].values():
                for operation in operations.values():
                    if "HTTPValidationError" in str(operation["responses"].get("422")):
                        del operation["responses"]["422"]
            document.setdefault("servers", [{"url": "/", "description": "The service that gave this document"}])
            document["security"] = []  # nobody needs a key
            for unused in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(unused, None)
        return self.openapi_schema or {}


def _add_keys(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if is_open(method.upper(), path):
                continue
            operation["security"] = [{"bearer": []}, {"header": []}]
            _declare(operation, 401, 403)


def _declare(operation: dict[str, Any], *statuses: int) -> None:
    for status, answer in answers(*statuses).items():
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        said = {"description": answer["description"], "content": content}
        operation["responses"].setdefault(str(status), said)
