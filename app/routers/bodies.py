"""A route whose body is JSON or a clear 422."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class JsonRequest(Request):
    """A request whose body, if it cannot be read as JSON for any reason, is said to be no JSON."""

    async def json(self) -> Any:
        """The body as a value; `JSONDecodeError` where it has none."""
        try:
            return await super().json()
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:  # not UTF-8, a number of 5,000 digits, 10,000 brackets
            raise json.JSONDecodeError("unreadable", "", 0) from error


class JsonRoute(APIRoute):
    """An APIRoute that reads its body through `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own answer, asked with a `JsonRequest`."""
        answer = super().get_route_handler()

        async def answer_json(request: Request) -> Response:
            return await answer(JsonRequest(request.scope, request.receive))

        return answer_json
