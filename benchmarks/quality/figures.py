"""Small statistics: how well a score tells two groups apart, and how many of a list are right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Chance that one of the first scores higher than one of the second, ties counting half; None if a group is empty.

    >>> auc([3.0, 2.0], [1.0, 2.0])
    0.875
    """
    if not positive or not negative:
        return None
    high, low = np.asarray(positive)[:, None], np.asarray(negative)[None, :]
    return float(np.mean((high > low) + 0.5 * (high == low)))


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Place of each value among all, from 0 for the least to 1 for the greatest; equal values share their mean place.

    >>> ranks([5.0, 1.0, 5.0]).tolist()
    [0.75, 0.0, 0.75]
    """
    array = np.asarray(values, dtype=np.float64)
    below = (array[None, :] < array[:, None]).sum(axis=1)
    equal = (array[None, :] == array[:, None]).sum(axis=1)
    return np.asarray((below + (equal - 1) / 2) / max(len(array) - 1, 1), dtype=np.float64)


def share(answers: Sequence[bool]) -> float | None:
    """Part of the answers that are yes, 0…1; None if there are none.

    >>> share([True, True, False, True])
    0.75
    """
    return sum(answers) / len(answers) if answers else None
