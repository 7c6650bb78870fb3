"""The plan's form as stretches of bars, each knowing what of it was heard before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.models.plan import Plan, Section
from app.services.theory.keys import Key


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A section where it stands in the piece."""

    index: int
    section: Section
    first_bar: int
    bars: int
    #: How often the same kind of section with the same material came before.
    returns: int
    #: How often its material came before, in sections of any kind.
    heard: int
    #: Whether it is the piece's strongest section (the last of equals).
    climax: bool
    #: The key it stands in.
    tonality: Key

    @property
    def key(self) -> tuple[str, str]:
        """Dice names of all sections that are meant to be alike."""
        return self.section.kind, self.section.material


def following_stretch(plan: Plan, stretches: Sequence[Stretch], stretch: Stretch) -> Stretch | None:
    """The section that comes next; after the last of a loop comes the first, after any other last one None."""
    if stretch.index + 1 < len(stretches):
        return stretches[stretch.index + 1]
    return stretches[0] if plan.loop else None


def lay_out(plan: Plan) -> tuple[Stretch, ...]:
    """The sections in order, from bar 0."""
    strongest = max(range(len(plan.form)), key=lambda index: (plan.form[index].energy, index))
    heard: Counter[tuple[str, str]] = Counter()
    stretches: list[Stretch] = []
    first_bar = 0
    home = Key(plan.tonic, plan.mode)
    for index, section in enumerate(plan.form):
        stretch = Stretch(
            index=index,
            section=section,
            first_bar=first_bar,
            bars=section.bars,
            returns=heard[section.kind, section.material],
            heard=sum(times for (_, material), times in heard.items() if material == section.material),
            climax=index == strongest and len(plan.form) > 2,
            tonality=home.moved(section.transpose, section.mode),
        )
        heard[stretch.key] += 1
        first_bar += section.bars
        stretches.append(stretch)
    return tuple(stretches)
