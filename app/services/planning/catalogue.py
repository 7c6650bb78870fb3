"""The styles and instruments that a plan may choose from, as planning sees them."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import cast

from app.models.plan import Role
from app.services.planning.lexicon import lexicon
from app.services.planning.rows import GenreRow
from app.services.styles import Style, load_style, style_names
from app.services.styles.schema import EnsembleRole
from app.services.theory.instruments import INSTRUMENTS

Styles = Mapping[str, Style]


@lru_cache(maxsize=1)
def packaged_styles() -> Styles:
    """Every packaged style by name."""
    return {name: load_style(name) for name in style_names()}


def styles_of(genre: GenreRow, styles: Styles) -> tuple[str, ...]:
    """Names of the styles that may play a genre, best first: its own, else its family's, else all there are."""
    tables = lexicon()
    for row in (genre, tables.genres.get(genre.parent, genre)):
        if names := tuple(name for name in row.styles if name in styles):
            return names
    family = genre.parent or next((key for key, row in tables.genres.items() if row is genre), "")
    return tuple(name for name, style in styles.items() if family in style.genres) or tuple(styles)


def members_of(instrument: str) -> tuple[str, ...]:
    """The keys of the instrument table that a word for an instrument or a group may mean, usual ones first."""
    row = lexicon().instruments.get(instrument)
    if row is None:
        return (instrument,) if instrument in INSTRUMENTS else ()
    return row.members or row.all or ((instrument,) if instrument in INSTRUMENTS else ())


def refused_by(instrument: str) -> frozenset[str]:
    """The keys that go when an instrument, a group or a family is refused."""
    row = lexicon().instruments.get(instrument)
    if row is not None and row.refused:
        return frozenset(row.refused)
    family = {key for key, entry in INSTRUMENTS.items() if entry.family == instrument} if row is None else set()
    return frozenset(family | set(members_of(instrument)) | set(row.refuse if row else ()))


def roles_of(key: str) -> tuple[Role, ...]:
    """Roles that an instrument takes, best first."""
    tables = lexicon().roles
    roles: Sequence[str] = tables["keys"].get(key) or tables["families"][INSTRUMENTS[key].family]
    return tuple(cast(Role, role) for role in roles)


@cache
def known_for(key: str) -> frozenset[str]:
    """Styles of the genres that an instrument makes recognisable: an accordion musette and shanties, a koto Japan."""
    rows = lexicon().genres.values()
    return frozenset(row.styles[0] for row in rows if any(key in members_of(word)[:1] for word in row.band))


#: Share of all styles from which on an instrument is no sign of any.
_MANY = 0.4


@cache
def at_home_in_many(members: tuple[str, ...]) -> bool:
    """Whether so many styles use an instrument that it says little of the style: strings do, an 808 does not."""
    styles = packaged_styles().values()
    homes = sum(any(key in role.instruments for role in style.ensemble.values() for key in members) for style in styles)
    return homes >= _MANY * len(styles)


@cache
def plain_role(role: Role) -> EnsembleRole:
    """What a role is where the style does not know it."""
    return EnsembleRole.model_validate(lexicon().roles["plain"][role])


def substitutes_for(role: Role) -> tuple[str, ...]:
    """Instruments that stand in for a role whose own were all refused."""
    return tuple(lexicon().roles["substitutes"].get(role, ()))
