"""The genres and moods offered to clients: the contract's names first, in its order, then all others."""

from app.services.planning.lexicon import lexicon

#: Every genre and sub-genre that `read` knows by name.
GENRES: tuple[str, ...] = tuple(lexicon().genres)

#: Every mood that `read` knows by name; scenes are understood too, but are no moods.
MOODS: tuple[str, ...] = tuple(key for key, row in lexicon().moods.items() if not row.scene)
