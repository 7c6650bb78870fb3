"""An application whose OpenAPI document says what is so: no more, no less."""

from typing import Any

from fastapi import FastAPI

from app.routers.gate import is_open
from app.routers.problems import answers
from app.routers.repeating import makes_something


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
            _add_idempotency(document)
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


def _add_idempotency(document: dict[str, Any]) -> None:
    asked = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Under it the same request is carried out once within 24 hours, and answered as before.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]+$",
            "examples": ["6f1c9a52-0d7e-4c43-9a0e-2b1f5f0c8a11"],
        },
    }
    said = {"description": "That this was answered before", "schema": {"type": "string", "enum": ["true"]}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if makes_something(method.upper(), path):
                operation.setdefault("parameters", []).append(asked)
                operation["responses"]["200"].setdefault("headers", {})["Idempotency-Replayed"] = said
                _declare(operation, 409, 422, 503)


def _declare(operation: dict[str, Any], *statuses: int) -> None:
    for status, answer in answers(*statuses).items():
        schema = {"$ref": f"#/components/schemas/{answer['model'].__name__}"}
        example = answer.get("content", {}).get("application/json", {})
        said = {**answer, "content": {"application/json": {**example, "schema": schema}}}
        del said["model"]
        operation["responses"].setdefault(str(status), said)
