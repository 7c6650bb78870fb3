"""Where tracks wait for a worker, and the workers themselves."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.services.jobs.embedded import EmbeddedQueue

__all__ = ["EmbeddedQueue"]


def __getattr__(name: str) -> Any:
    # Workers come for the values in `base` alone; the database toolkit would cost each of them 0.3 s and 25 MB.
    if name in __all__:
        from app.services.jobs.embedded import EmbeddedQueue

        return EmbeddedQueue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
