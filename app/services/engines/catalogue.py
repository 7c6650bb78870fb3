"""Every engine there is: one row each. Reading the catalogue loads no engine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidField, printable
from app.services.engines.base import Capabilities, Engine
from app.services.engines.estimates import composing_time_s, simulated_time_s


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRow:
    """One engine, as clients and wiring see it."""

    #: Name in requests and settings.
    name: str
    #: One sentence for `GET /music/models`.
    description: str
    capabilities: Capabilities
    #: Makes the engine, given the soundfont to play; imports what it needs only then.
    make: Callable[[Path], Engine]
    #: Seconds that a track takes, from its seconds of music, prompt and seed. Never falls with the first two.
    estimate_s: Callable[[int, str, int], float]
    #: Whether it lives in a process of its own, loaded once for many tracks, instead of in every worker.
    resident: bool = False
    #: Family of `planning.phrasing` that a wish is phrased for; None for those that take the words as they are.
    phrased_for: str | None = None


def _make_composer(soundfont: Path) -> Engine:
    from app.services.engines.composer import ComposerEngine  # it pulls in SciPy, which only workers need

    return ComposerEngine(soundfont)


COMPOSER_CAPABILITIES = Capabilities(
    notes=True,
    code_licence="this project's",
    weights_licence="the soundfont's: TimGM6mb is GPL-2; MUSIC_SOUNDFONT plays another",
)

#: Every engine by name; the order is the one clients see.
CATALOGUE: dict[str, EngineRow] = {
    row.name: row
    for row in (
        EngineRow(
            name="composer",
            description="Reads the prompt, composes, plays, mixes and masters. An algorithm, not a neural model.",
            capabilities=COMPOSER_CAPABILITIES,
            make=_make_composer,
            estimate_s=composing_time_s,
        ),
        EngineRow(
            name="simulator",
            description="The composer's music at the pace of a large model, for front-end work: 10 to 120 s a track.",
            capabilities=Capabilities(
                notes=True,
                paced=True,
                code_licence=COMPOSER_CAPABILITIES.code_licence,
                weights_licence=COMPOSER_CAPABILITIES.weights_licence,
            ),
            make=_make_composer,
            estimate_s=simulated_time_s,
        ),
    )
}


def engine_row(name: str) -> EngineRow:
    """The row of an engine; `InvalidField` naming those there are if the name is unknown."""
    row = CATALOGUE.get(name)
    if row is None:
        raise InvalidField("model", f"unknown model {printable(name)!r}; available: {', '.join(CATALOGUE)}")
    return row
