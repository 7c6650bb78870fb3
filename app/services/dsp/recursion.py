"""Recursive filters at their barest: SciPy's compiled loops, without the rest of `scipy.signal`.

Importing that package brings statistics, optimisers and sparse matrices along: 50 MB and most of a second in every
worker, for two functions. So their extension modules are loaded from SciPy's folder by themselves; where a release of
SciPy keeps them elsewhere, the package is imported after all. Decision: docs/decisions/two-loops-of-scipy.md.
"""

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

#: Filters rows in place, (sections, samples, state); shapes (sections, 6), (rows, frames), (rows, sections, 2), all
#: contiguous and of one kind, float32 or float64.
SectionLoop: TypeAlias = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], None]
#: (b, a, samples, axis, state) → (filtered, state).
DirectLoop: TypeAlias = Callable[
    [NDArray[np.float64], NDArray[np.float64], NDArray[Any], int, NDArray[np.float64]],
    tuple[NDArray[np.float64], NDArray[np.float64]],
]


def filter_sections(sections: NDArray[Any], rows: NDArray[Any], state: NDArray[Any]) -> None:
    """Second-order sections, one after the other, over each row; samples and state are changed in place.

    `sections` has the shape (sections, 6), b0 b1 b2 1 a1 a2; `rows` (rows, frames); `state` (rows, sections, 2). All
    are C-contiguous and of the same kind of float.
    """
    _section_loop(sections, rows, state)


def filter_direct(
    b: NDArray[np.float64], a: NDArray[np.float64], samples: NDArray[Any], state: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One filter given by its two polynomials, a[0] = 1 and of order 1 at least, over samples of shape (frames,).

    The filtered samples and the state to go on with, of shape (order,); it begins at rest where there is none.
    """
    return _direct_loop(b, a, samples, -1, np.zeros(max(len(a), len(b)) - 1) if state is None else state)


def _loops(load: Callable[[str], ModuleType]) -> tuple[SectionLoop, DirectLoop]:
    try:
        return load("_sosfilt")._sosfilt, load("_sigtools")._linear_filter
    except (ImportError, AttributeError):
        return _of_the_package()


def _of_the_package() -> tuple[SectionLoop, DirectLoop]:
    from scipy.signal import lfilter, sosfilt

    def sections_in_place(sections: NDArray[Any], rows: NDArray[Any], state: NDArray[Any]) -> None:
        rows[:], after = sosfilt(sections, rows, axis=-1, zi=state.transpose(1, 0, 2))
        state[:] = after.transpose(1, 0, 2)

    return sections_in_place, lambda b, a, samples, axis, state: lfilter(b, a, samples, axis, state)


def _extension(name: str) -> ModuleType:
    folder = Path(next(iter(scipy.__path__)), "signal")
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"no {name} in {folder}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_section_loop, _direct_loop = _loops(_extension)
