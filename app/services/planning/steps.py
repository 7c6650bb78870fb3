"""A style's forms go in, the sections that suit the duration come out: shortened, gone round again, or developed."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.models.plan import SectionKind
from app.services.styles.schema import FormStep, Style

#: Sections by seconds of music, interpolated: a sting is one gesture, thirty seconds have a beginning, a point and a
#: close, minutes four to six sections each.
_SECTIONS_BY_SECONDS = (
    (5, 1.0),
    (9, 1.6),
    (15, 2.6),
    (20, 3.0),
    (32, 3.4),
    (60, 5.6),
    (120, 10.0),
    (180, 14.5),
    (300, 22.5),
)

#: From these seconds on, and with this many bars, a piece has at least three sections.
_THREE_FROM_S = 16.0

#: Below these seconds a piece that is no calm music has no time for a way in: it begins with the matter itself.
_AT_ONCE_BELOW_S, _CALM = 40.0, -0.5

#: Weight of the close of such a piece, against 1 of its beginning.
_CLOSE = 0.5

#: Sections of a loop up to which it goes round too often for a build.
_SHORT_ROUND = 3

#: Few sections: exactly as many as wanted.
_FEW = 4

#: From this many sections on, long ones are developed in two halves instead of lasting on; where phrases are longer
#: than this, in bars, they are left whole.
_DEVELOPED_FROM, _LONGEST_PHRASE = 6, 8

#: Bars that a section has on the average at least, where there are more than three; two thirds of a long phrase.
_LEAST_BARS = 3.5

#: Chords slower than this, in changes a minute, belong to music that rests in its sections.
_RESTING_PER_MINUTE = 14.0

#: Kinds that stay short however long the piece's phrases are.
SHORT_KINDS: frozenset[SectionKind] = frozenset({"intro", "outro", "break", "build"})

#: Where a round may be taken up again half way: what begins a new thought.
_TURNS: frozenset[SectionKind] = frozenset({"verse", "theme", "break", "bridge", "variation"})

#: What the second half of a long section is, and how much stronger than the first.
SECOND_HALVES: Mapping[SectionKind, tuple[SectionKind, float]] = {
    "verse": ("variation", 0.07),
    "theme": ("variation", 0.08),
    "variation": ("variation", 0.08),
    "chorus": ("chorus", 0.08),
    "drop": ("drop", 0.08),
    "bridge": ("build", 0.15),
}


def steps_for(
    style: Style, *, bars: int, duration_s: float, rng: np.random.Generator, loop: bool = False
) -> list[FormStep]:
    """The style's form nearest to the number of sections that suits the duration, lengthened or shortened to it.

    A `loop` is left with its way in and out, which are taken off it later.
    """
    wanted = _wanted_sections(style, duration_s, bars)
    distances = [abs(len(form) - wanted) for form in style.forms]
    # One more or fewer is as good in long pieces: the dice choose.
    slack = 0 if wanted <= _FEW else 1
    near = [form for form, distance in zip(style.forms, distances, strict=True) if distance <= min(distances) + slack]
    steps = list(near[int(rng.integers(len(near)))])
    while len(steps) > wanted and (wanted <= _FEW or len(steps) * 2 > bars):
        steps = _without_one(steps)
    while len(steps) < 3 and wanted >= 3:
        steps = _with_close(steps)
    hurried = not loop and duration_s < _AT_ONCE_BELOW_S and style.arousal > _CALM and not _rests(style)
    if hurried and len(steps) == 3 and steps[0].kind == "intro":
        steps = _at_once(style, steps)
    steps = _gone_round(steps, wanted + slack)
    return _developed(steps, wanted) if _develops(style, wanted) else steps


def _wanted_sections(style: Style, duration_s: float, bars: int) -> int:
    seconds, counts = zip(*_SECTIONS_BY_SECONDS, strict=True)
    wanted = round(float(np.interp(duration_s, seconds, counts)))
    least = _LEAST_BARS if style.phrase_bars <= _LONGEST_PHRASE else style.phrase_bars * 0.66
    most = max(1, min(3, bars // 2), int(bars / least))
    if duration_s >= _THREE_FROM_S:
        wanted, most = max(3, wanted), max(most, min(3, bars))
    return min(wanted, most)


def _develops(style: Style, wanted: int) -> bool:
    return wanted >= _DEVELOPED_FROM and style.phrase_bars <= _LONGEST_PHRASE and not _rests(style)


def _rests(style: Style) -> bool:
    return style.harmony.changes_per_minute < _RESTING_PER_MINUTE


def _at_once(style: Style, steps: Sequence[FormStep]) -> list[FormStep]:
    """A beginning, a point and a close without a way in: a build and its drop, or a verse and its chorus.

    They come from the style's own longer forms; a style that has no two sections to set apart keeps its way in.
    """
    for form in sorted(style.forms, key=len):
        if len(form) <= len(steps):
            continue
        if steps[1].kind == "drop":
            builds = [step for step in form if step.kind == "build"]
            if builds:
                return [_weighing(builds[0], 1.0), _weighing(steps[1], 2.0), _weighing(steps[2], _CLOSE)]
            continue
        body = [step for step in form if step.kind not in SHORT_KINDS]
        second = next((step for step in body[1:] if step.material != body[0].material), None)
        if second is not None:
            first, point = sorted((body[0], second), key=lambda step: step.energy)
            return [_weighing(first, 1.0), _weighing(point, 1.4), _weighing(steps[2], _CLOSE)]
    return list(steps)


def _weighing(step: FormStep, weight: float) -> FormStep:
    return step.model_copy(update={"weight": weight})


def _gone_round(steps: list[FormStep], most: int) -> list[FormStep]:
    """Very long pieces go round again, each time a little stronger, and at last once more from half way."""
    middle = steps[1:-1]
    if len(middle) < 2:
        return steps
    rises = 0
    while len(steps) + len(middle) <= most:
        rises += 1
        steps = [*steps[:-1], *_risen(middle, rises), steps[-1]]
    for start in range(1, len(middle) - 1):
        rest = middle[start:]
        if middle[start].kind in _TURNS and len(steps) + len(rest) <= most:
            return [*steps[:-1], *_risen(rest, rises + 1), steps[-1]]
    return steps


def _risen(steps: Sequence[FormStep], times: int) -> list[FormStep]:
    return [replace_energy(step, min(1.0, step.energy + 0.05 * times)) for step in steps]


def _developed(steps: list[FormStep], wanted: int) -> list[FormStep]:
    """The heaviest sections in two halves, the second in other words, until there are as many as wanted."""
    while len(steps) < wanted:
        splittable = [i for i, step in enumerate(steps) if step.kind in SECOND_HALVES]
        if not splittable:
            break
        heaviest = max(splittable, key=lambda i: (round(steps[i].weight, 6), not _repeats(steps, i), -i))
        steps = [*steps[:heaviest], *halves(steps[heaviest]), *steps[heaviest + 1 :]]
    return steps


def _repeats(steps: Sequence[FormStep], i: int) -> bool:
    """Whether a section stands beside one of its own material: together they are halves already."""
    return any(0 <= j < len(steps) and steps[j].material == steps[i].material for j in (i - 1, i + 1))


def halves(step: FormStep) -> tuple[FormStep, FormStep]:
    """A section in two, the second in other words."""
    kind, rise = SECOND_HALVES[step.kind]
    # The two lie about the energy of the whole, so that what was strongest stays so.
    second = min(1.0, step.energy + rise / 2)
    return (
        step.model_copy(update={"weight": step.weight / 2, "energy": max(0.0, second - rise)}),
        step.model_copy(update={"kind": kind, "weight": step.weight / 2, "energy": second}),
    )


def replace_energy(step: FormStep, energy: float) -> FormStep:
    """The same step at another energy."""
    return step.model_copy(update={"energy": energy})


def _without_one(steps: Sequence[FormStep]) -> list[FormStep]:
    """Without the section that is missed least: never the first, the first statement, the strongest, or the last."""
    strongest = max(range(len(steps)), key=lambda i: steps[i].energy)
    stated = next((i for i, step in enumerate(steps) if step.kind not in SHORT_KINDS), 0)
    inner = [i for i in range(1, len(steps) - 1) if i not in (strongest, stated)]
    inner = inner or [i for i in range(1, len(steps) - 1) if i != strongest]
    if inner:
        gone = min(inner, key=lambda i: (steps[i].kind not in SHORT_KINDS, steps[i].weight, steps[i].energy))
    else:
        gone = 0 if strongest != 0 else len(steps) - 1
    return [step for i, step in enumerate(steps) if i != gone]


def _with_close(steps: Sequence[FormStep]) -> list[FormStep]:
    """With an introduction or a close more."""
    first, last = steps[0], steps[-1]
    if last.kind != "outro":
        close = FormStep(kind="outro", material=first.material, weight=0.6, energy=max(0.2, last.energy * 0.6))
        return [*steps, close]
    intro = FormStep(kind="intro", material=first.material, weight=0.6, energy=max(0.2, first.energy * 0.6))
    return [intro, *steps]


def closed(steps: Sequence[FormStep]) -> list[FormStep]:
    """Three sections and more end in an outro."""
    if len(steps) < 3 or steps[-1].kind == "outro":
        return list(steps)
    return [*steps[:-1], steps[-1].model_copy(update={"kind": "outro"})]


def without_frame(steps: Sequence[FormStep]) -> list[FormStep]:
    """A form without its way in and out; where nothing else is left, they are played as themes.

    A short one has no build either, which would begin over and over.
    """
    inner = [step for step in steps if step.kind not in ("intro", "outro")]
    if len(inner) <= _SHORT_ROUND:
        inner = [step for step in inner if step.kind != "build"] or inner
    return inner or [step.model_copy(update={"kind": "theme"}) for step in steps]


def levelled(steps: Sequence[FormStep]) -> list[FormStep]:
    """Steps half as far from each other in energy."""
    mean = sum(step.energy for step in steps) / len(steps)
    return [replace_energy(step, (step.energy + mean) / 2) for step in steps]
