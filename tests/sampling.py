"""Many of these with some of those: sweeps that meet every value of both without trying every pair."""

from collections.abc import Sequence
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


def paired(ones: Sequence[One], others: Sequence[Other], *, each: int = 1) -> list[tuple[One, Other]]:
    """Every one with `each` of the others, which take turns.

    >>> paired("abc", [1, 2])
    [('a', 1), ('b', 2), ('c', 1)]
    >>> paired("ab", [1, 2, 3], each=2)
    [('a', 1), ('a', 2), ('b', 3), ('b', 1)]
    """
    turns = [others[number % len(others)] for number in range(len(ones) * each)]
    return [(one, turns[index * each + turn]) for index, one in enumerate(ones) for turn in range(each)]
