"""Curves of a soak as an SVG picture: looks in, text out."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.endurance.soak import Look

#: Pixels: a panel's curve, the gaps between panels, room for its title above and for numbers at its left.
WIDTH, HEIGHT, GAP, TITLE, LEFT = 820, 90, 26, 18, 60
#: What is drawn: the figure's name, its title, its colour.
PANELS = (
    ("server_mb", "Memory of the server, MB", "#2f6f9f"),
    ("workers_mb", "Memory of the workers, MB", "#2f6f9f"),
    ("handles", "Open files, sockets and pipes of the server", "#8a5a00"),
    ("database_mb", "Database, MB", "#3b7a3b"),
    ("audio_mb", "Audio files, MB", "#3b7a3b"),
    ("status_p99_ms", "Status p99 of five seconds, ms", "#a03030"),
    ("load", "Load of the machine", "#666666"),
)


def picture(looks: Sequence[Look]) -> str:
    """An SVG of one panel a figure, each from zero to its highest value."""
    whole = len(PANELS) * (TITLE + HEIGHT + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{whole}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH + LEFT + 20}" height="{whole}" fill="#ffffff"/>',
    ]
    longest_s = max(look.at_s for look in looks)
    for number, (name, title, colour) in enumerate(PANELS):
        top = GAP / 2 + number * (TITLE + HEIGHT + GAP) + TITLE
        known = [(look.at_s, float(value)) for look in looks if (value := getattr(look, name)) is not None]
        highest = max((value for _, value in known), default=0.0) or 1.0
        points = " ".join(
            f"{LEFT + WIDTH * at_s / longest_s:.1f},{top + HEIGHT * (1 - value / highest):.1f}" for at_s, value in known
        )
        parts += [
            f'<text x="{LEFT}" y="{top - 5:.0f}">{escape(title)}</text>',
            f'<rect x="{LEFT}" y="{top:.0f}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#cccccc"/>',
            f'<text x="{LEFT - 6}" y="{top + 10:.0f}" text-anchor="end">{highest:.4g}</text>',
            f'<text x="{LEFT - 6}" y="{top + HEIGHT:.0f}" text-anchor="end">0</text>',
            f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 14:.0f}" text-anchor="end">{longest_s / 60:.0f} min</text>',
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>',
        ]
    return "\n".join([*parts, "</svg>", ""])
