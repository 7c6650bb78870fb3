"""RequestTally: answers by route and status, and how long they took.

Rule: the status route is asked thousands of times a second, so a request costs two look-ups and two additions; all else
is done when somebody reads.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric

#: Bounds in seconds.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestTally:
    """One thread, the event loop's, counts; any thread reads."""

    def __init__(self) -> None:
        #: By (method, route, status), answers in each interval between bounds, and their seconds in all.
        self._seen: dict[tuple[str, str, int], tuple[list[int], list[float]]] = {}

    def answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """An answer was given."""
        key = method, route, status
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = [0] * (len(BOUNDS_S) + 1), [0.0]
        seen[0][bisect_left(BOUNDS_S, took_s)] += 1
        seen[1][0] += took_s

    def families(self) -> Iterable["Metric"]:
        """All that was counted, as Prometheus reads it."""
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(
            "music_http_request_seconds", "Answers to HTTP requests.", labels=["method", "route", "status"]
        )
        names = [*map(str, BOUNDS_S), "+Inf"]
        for (method, route, status), (counts, total_s) in list(self._seen.items()):
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric([method, route, str(status)], buckets, total_s[0])
        yield family
