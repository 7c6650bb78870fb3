"""A master and its plan → a square picture for players: the piece goes once round the circle, as loud as it sounds.

The key chooses the colour, minor keys the darker ground; bright sound leans to the neighbouring hue.
"""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.models.plan import Plan
from app.services.encoding.colours import hsv, to_bytes
from app.services.encoding.draft import write_bytes
from app.services.encoding.png import colour_png

#: Columns and rows in pixels.
SIDE = 1_000
#: Rays round the circle.
RAYS = 180

#: Key notes round the circle of fifths: neighbours in music are neighbours in colour.
_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_DARK_MODES = frozenset({"minor", "harmonic_minor", "dorian", "phrygian"})
#: Where rays begin and how long the longest is, in shares of half the side.
_INNER, _LONGEST = 0.36, 0.5
#: How much of its angle a ray fills.
_FILLED = 0.62
#: Softness of an edge, in pixels.
_SOFT = 1.5


def write_cover(source_wav: Path, plan: Plan, path: Path) -> None:
    """Write the picture as PNG, SIDE × SIDE pixels. The same music gives the same bytes. `StorageFailed`."""
    level, bright = _course(source_wav)
    fifths = _FIFTHS[plan.tonic[0]] + 7 * (plan.tonic.count("#") - plan.tonic.count("b"))
    hue = (fifths % 12) / 12
    dark = plan.mode in _DARK_MODES

    half = SIDE / 2
    down, across = (np.mgrid[0:SIDE, 0:SIDE] - (half - 0.5)) / half
    radius = np.hypot(down, across)
    turn = (np.arctan2(across, -down) / (2 * np.pi)) % 1.0  # 0 at the top, clockwise
    ray = np.minimum((turn * RAYS).astype(int), RAYS - 1)

    ground = hsv(np.asarray((hue + 0.04) % 1), 0.55 if dark else 0.45, 0.16 if dark else 0.30)
    glow = np.clip(1.1 - radius, 0, 1)[..., np.newaxis] ** 2
    picture = ground * (0.55 + 0.9 * glow)

    length = _LONGEST * (0.06 + 0.94 * level)
    off_centre = np.abs((turn * RAYS) % 1 - 0.5) / RAYS * 2 * np.pi * radius
    sideways = _edge(_FILLED / 2 / RAYS * 2 * np.pi * radius - off_centre)
    drawn = sideways * _edge(radius - _INNER) * _edge(_INNER + length[ray] - radius)
    colour = hsv((hue + 0.10 * bright - 0.03) % 1, 0.62, 1.0)[ray]
    picture += drawn[..., np.newaxis] * (colour - picture)

    # The ring inside stands for the form: as wide as the piece is excited.
    ring = _edge(0.018 + 0.02 * (plan.arousal + 1) / 2 - np.abs(radius - _INNER + 0.08))
    picture += 0.8 * ring[..., np.newaxis] * (hsv(np.asarray((hue + 0.5) % 1), 0.35, 0.95) - picture)
    write_bytes(path, colour_png(to_bytes(picture)))


def _edge(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much of a pixel lies inside, 0…1, by its distance from the edge in shares of half the side."""
    return np.clip(distance * (SIDE / 2) / _SOFT + 0.5, 0, 1)


def _course(source_wav: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # For each ray: how loud its stretch is against the loudest, and how bright against the others, both 0…1.
    level, rough = np.zeros(RAYS), np.zeros(RAYS)
    with soundfile.SoundFile(source_wav) as source:
        edges = np.linspace(0, source.frames, RAYS + 1).astype(int)
        for ray, frames in enumerate(np.diff(edges)):
            heard = source.read(int(frames), dtype="float32", always_2d=True).mean(axis=1)
            if len(heard) > 1:
                level[ray] = np.sqrt(np.mean(heard**2))
                rough[ray] = np.sqrt(np.mean(np.diff(heard) ** 2)) / max(level[ray], 1e-6)
    loudest = max(level.max(), 1e-6)
    spread = max(float(np.ptp(rough)), 1e-9)
    return np.clip(level / loudest, 0, 1) ** 0.8, (rough - rough.min()) / spread
