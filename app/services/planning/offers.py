"""What is offered to clients by name: the contract's names first, in its order, then all others."""

from app.services.planning.lexicon import lexicon
from app.services.theory.instruments import INSTRUMENTS

#: Every genre and sub-genre that `read` knows by name.
GENRES: tuple[str, ...] = tuple(lexicon().genres)

#: Every mood that `read` knows by name; scenes are understood too, but are no moods.
MOODS: tuple[str, ...] = tuple(key for key, row in lexicon().moods.items() if not row.scene)

#: Every instrument, group and ensemble that a field may name.
INSTRUMENT_NAMES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *(key for key, row in lexicon().instruments.items() if (row.drums or not row.weak) and not row.part),
            *INSTRUMENTS,
        ]
    )
)
