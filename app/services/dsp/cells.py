"""Control rate: a piece in cells of 64 frames, each with one peak, one power, one gain.

What changes slowly (a compressor, a limiter, a duck) is worked out once a cell and applied as straight ramps between
the cells' edges. Blocks begin on the grid of cells; only the last cell of a piece may be short.
"""

import numpy as np
from numpy.typing import NDArray

from app.models.audio import Samples

#: Frames of a cell: 1.5 ms at 44.1 kHz. A whole number of cells fills a block.
CELL_FRAMES = 64

_RAMP = (np.arange(CELL_FRAMES, dtype=np.float32) + np.float32(0.5)) / np.float32(CELL_FRAMES)


def cell_count(frames: int) -> int:
    """Cells that so many frames begin.

    >>> cell_count(65)
    2
    """
    return -(-frames // CELL_FRAMES)


def cell_largest(samples: Samples) -> NDArray[np.float32]:
    """Largest sample of each cell, whatever its sign and channel; shape (cells,)."""
    largest: NDArray[np.float32] = np.abs(_as_cells(samples)).max(axis=1)
    return largest


def cell_power(samples: Samples) -> NDArray[np.float32]:
    """Mean square of each cell, summed over channels; shape (cells,). A short last cell is filled up with silence."""
    cells = _as_cells(samples)
    power: NDArray[np.float32] = np.einsum("ij,ij->i", cells, cells) / np.float32(CELL_FRAMES)
    return power


def ramp_between(edges: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Straight lines from edge to edge of the cells: shape (cells + 1,) to shape (frames,).

    A short last cell has all of its line, only steeper: it too arrives at its edge.
    """
    steps = np.diff(edges)
    lines: NDArray[np.float32] = np.multiply.outer(steps, _RAMP)
    short = frames % CELL_FRAMES
    if short:
        lines[-1, :short] = steps[-1] * (np.arange(short, dtype=np.float32) + np.float32(0.5)) / np.float32(short)
    lines += edges[:-1, np.newaxis]
    return lines.reshape(-1)[:frames]


def apply_gains(samples: Samples, edges: NDArray[np.float32]) -> Samples:
    """Samples times a gain given at the edges of their cells; shapes (frames, channels) and (cells + 1,)."""
    gains = edges[:1]
    if edges.min() < edges.max():
        gains = ramp_between(edges, len(samples))[:, np.newaxis]
        if not samples.flags.f_contiguous:
            # Spelt out for each channel: NumPy is slow where a row is only two numbers long.
            gains = np.repeat(gains, samples.shape[1], axis=1)
    scaled: Samples = samples * gains
    return scaled


def inner_edges(cell_gains: NDArray[np.float32], *, loop: bool = False) -> NDArray[np.float32]:
    """Gains at the edges of cells whose ramps nowhere rise above the cells' own: shape (cells,) to (cells + 1,).

    In a `loop` the last edge is the first.
    """
    before, after = (cell_gains[-1:], cell_gains[:1]) if loop else (cell_gains[:1], cell_gains[-1:])
    padded = np.concatenate((before, cell_gains, after))
    edges: NDArray[np.float32] = np.minimum(padded[:-1], padded[1:])
    return edges


def _as_cells(samples: Samples) -> Samples:
    missing = -len(samples) % CELL_FRAMES
    if missing:
        samples = np.concatenate((samples, np.zeros((missing, samples.shape[1]), np.float32)))
    return np.ascontiguousarray(samples).reshape(-1, CELL_FRAMES * samples.shape[1])
