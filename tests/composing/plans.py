"""Plans made by hand, so that composing is tested without the planner."""

from functools import cache

from app.models.brief import Frozen
from app.models.plan import COMPOSER_VERSION, Mode, Plan, Section, Voice
from app.models.score import Score
from app.services.composing import compose
from app.services.styles import Style, load_style
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.scales import SHARP_NAMES
from app.utils.seeds import rng_for


class Asked(Frozen):
    """What a test wants of a plan; None leaves it to the style."""

    seconds: float = 30.0
    seed: int = 1
    tonic: str | None = None
    mode: Mode | None = None
    time_signature: str | None = None
    tempo_bpm: float | None = None
    density: float = 0.0
    #: Roles that may play; None means all of the style.
    roles: tuple[str, ...] | None = None
    #: Bars of the whole form, in place of seconds.
    bars: int | None = None


def plan_for(name: str, **wishes: object) -> Plan:
    """A plan in a style, much as the planner would make it."""
    asked = Asked.model_validate(wishes)
    style = load_style(name)
    rng = rng_for(asked.seed, "test plan", name)
    metre = asked.time_signature or max(style.time_signatures, key=lambda key: style.time_signatures[key])
    tempo = asked.tempo_bpm or style.tempo_bpm.typical
    upper, lower = (int(n) for n in metre.split("/"))
    bar_s = upper * 4.0 / lower * 60.0 / tempo
    total = asked.bars or max(1, round(asked.seconds * 0.95 / bar_s))
    voices = _voices(style, asked)
    return Plan(
        composer_version=COMPOSER_VERSION,
        soundfont_sha256=None,
        seed=asked.seed,
        title=style.title,
        duration_s=min(300, max(1, round(total * bar_s + 2))),
        style=name,
        tempo_bpm=tempo,
        tonic=asked.tonic or SHARP_NAMES[int(rng.integers(12))],
        mode=asked.mode or max(style.modes, key=lambda mode: style.modes[mode] * rng.random()),
        time_signature=metre,
        swing=style.swing,
        valence=style.valence,
        arousal=style.arousal,
        density=asked.density,
        form=_form(style, total, voices),
        ensemble=tuple(voices),
    )


@cache
def composed(name: str, seconds: float, seed: int) -> tuple[Plan, Score]:
    """A plan and its score, composed once for all tests that listen to it."""
    plan = plan_for(name, seconds=seconds, seed=seed)
    return plan, compose(plan)


def _voices(style: Style, asked: Asked) -> list[Voice]:
    voices = []
    for role, member in style.ensemble.items():
        if asked.roles is not None and role not in asked.roles:
            continue
        dice = rng_for(asked.seed, "test voice", role)
        keys = list(member.instruments)
        weights = [member.instruments[key] for key in keys]
        instrument = keys[int(dice.choice(len(keys), p=[w / sum(weights) for w in weights]))]
        row = INSTRUMENTS[instrument]
        voices.append(
            Voice(
                name=role,
                role=role,
                instrument=instrument,
                low_pitch=max(member.low_pitch, row.low_pitch),
                high_pitch=min(member.high_pitch, row.high_pitch),
            )
        )
    return voices


def _form(style: Style, total: int, voices: list[Voice]) -> tuple[Section, ...]:
    fitting = [form for form in style.forms if len(form) * 3 <= total] or [style.forms[0]]
    steps = fitting[-1]
    weight = sum(step.weight for step in steps)
    bars = [max(1, round(total * step.weight / weight)) for step in steps]
    if total >= 4 * len(steps):
        bars = [max(2, round(count / 4) * 4 if count > 3 else 2) for count in bars]
    longest = max(range(len(bars)), key=lambda i: bars[i])
    bars[longest] += total - sum(bars)
    while bars[longest] < 1:
        donor = max(range(len(bars)), key=lambda i: bars[i])
        bars[donor] -= 1
        bars[longest] += 1
    sections = []
    for step, count in zip(steps, bars, strict=True):
        present = tuple(v.name for v in voices if step.energy >= style.ensemble[v.role].from_energy)
        sections.append(
            Section(
                kind=step.kind,
                material=step.material,
                bars=count,
                energy=step.energy,
                voices=present or tuple(v.name for v in voices[:1]),
            )
        )
    return tuple(sections)
