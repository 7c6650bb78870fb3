"""Change over time, loops, feels and counted notes: what the words say of them, and that the plan follows."""

from itertools import pairwise

import pytest

from app.models.plan import Plan
from app.services.planning import make_plan, read
from app.services.planning.catalogue import packaged_styles
from app.services.planning.figures import counted
from app.services.planning.lexicon import lexicon
from tests.sampling import paired

ARCS = [
    ("starts small and grows until it bursts", "bursts"),
    ("begins quietly, then explodes", "bursts"),
    ("rock with a huge finale", "bursts"),
    ("edm with a drop at the end", "drop_at_end"),
    ("techno that builds up to a drop", "drop_at_end"),
    ("calm intro, then loud middle, calm again at the end", "calm_loud_calm"),
    ("grows and then fades", "calm_loud_calm"),
    ("calm at first, then a storm, then calm again", "calm_loud_calm"),
    ("from a whisper to a roar", "builds"),
    ("del susurro al grito", "builds"),
    ("loud start, quiet middle, loud ending", "loud_calm_loud"),
    ("gradually fades away", "fades"),
    ("starts loud and ends soft", "fades"),
    ("a slow build with strings", "builds"),
    ("tense strings, builds up slowly", "builds"),
    ("starts melancholic, ends triumphant", "builds"),
    ("from quiet to loud", "builds"),
    ("quiet verses and loud choruses", "waves"),
    ("steady energy throughout, no build-ups", "steady"),
    ("ambient that never builds", "steady"),
    ("doesn't matter, something with a drop", None),
    ("soft piano intro", None),
    ("a happy ending", None),
    ("loud rock, quiet library", None),
    ("the beginning of a calm day", None),
]


@pytest.mark.parametrize(("prompt", "arc"), ARCS, ids=[prompt for prompt, _ in ARCS])
def test_words_for_change_over_time_tell_a_shape(prompt: str, arc: str | None):
    brief = read(prompt)

    assert (brief.arc.value if brief.arc else None) == arc
    assert brief.arc is None or all(words in prompt for words in brief.arc.words)


@pytest.mark.parametrize("prompt", ["upbeat electronic track that fades into calm", "upbeat edm, dies down to calm"])
def test_the_calm_that_a_piece_fades_into_is_not_its_mood(prompt: str):
    brief = read(prompt)

    assert brief.arc is not None
    assert brief.arc.value == "fades"
    assert [mood.value for mood in brief.moods] == ["uplifting"]
    assert brief.arousal is not None
    assert brief.arousal > 0.05


@pytest.mark.parametrize("prompt", ["techno that fades, calm", "calm techno that fades", "a fading calm piano"])
def test_calm_elsewhere_is_the_mood_of_the_whole(prompt: str):
    assert "peaceful" in [mood.value for mood in read(prompt).moods]


LOOPS = [
    ("seamless loop for a game", True), ("loopable lo-fi", True), ("a 20 second loop", True), ("in a loop", True),
    ("perfectly looping ambience, can be looped", True), ("no loop", False), ("rock song", None),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "loop"), LOOPS, ids=[prompt for prompt, _ in LOOPS])
def test_a_loop_is_heard_and_handed_on(prompt: str, loop: bool | None):
    brief = read(prompt)

    assert (brief.loop.value if brief.loop else None) is loop
    assert plan_of(prompt).loop is bool(loop)


def plan_of(prompt: str, duration_s: int = 60, seed: int = 1, style: str | None = None) -> Plan:
    styles = {style: packaged_styles()[style]} if style else None
    return make_plan(read(prompt), duration_s=duration_s, seed=seed, soundfont_sha256=None, styles=styles)


def energies(plan: Plan) -> list[float]:
    return [section.energy for section in plan.form]


@pytest.mark.parametrize(("style", "duration_s"), paired(sorted(packaged_styles()), [20, 30, 60, 180], each=2))
def test_sections_follow_the_course_asked_for_in_every_style(style: str, duration_s: int):
    for seed in range(2):
        rising = energies(plan_of("starts soft, builds slowly", duration_s, seed, style))
        bursting = energies(plan_of("starts small and grows until it bursts", duration_s, seed, style))
        fading = energies(plan_of("gradually fades away", duration_s, seed, style))
        arched = energies(plan_of("calm intro, loud middle, calm ending", duration_s, seed, style))
        hollow = energies(plan_of("loud start, quiet middle, loud end", duration_s, seed, style))
        flat = energies(plan_of("steady energy, no climax", duration_s, seed, style))

        assert all(earlier <= later for earlier, later in pairwise(rising))
        assert rising[-1] > rising[0] + 0.5
        assert all(earlier <= later for earlier, later in pairwise(bursting))
        assert max(later - earlier for earlier, later in pairwise(bursting)) > 0.3
        assert all(earlier >= later for earlier, later in pairwise(fading))
        assert fading[0] > fading[-1] + 0.5
        assert max(arched[1:-1]) > max(arched[0], arched[-1]) + 0.3
        assert min(hollow[1:-1]) < min(hollow[0], hollow[-1]) - 0.2
        assert max(flat) - min(flat) < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_a_drop_at_the_end_is_the_last_strong_section(seed: int):
    plan = plan_of("house with a drop at the end", 60, seed)
    kinds = [section.kind for section in plan.form]
    drop = len(kinds) - 1 - kinds[::-1].index("drop")

    assert drop == len(kinds) - 2
    assert kinds[drop - 1] == "build"
    assert plan.form[drop].energy == max(energies(plan)) > plan.form[drop - 1].energy + 0.15


@pytest.mark.parametrize(("style", "duration_s"), paired(sorted(packaged_styles()), [30, 45, 90, 300], each=1))
@pytest.mark.parametrize("words", ["starts small and grows until it bursts", "builds slowly", "a drop at the end"])
def test_the_way_up_to_a_late_high_point_is_long_and_has_steps(style: str, duration_s: int, words: str):
    plan = plan_of(words, duration_s, 3, style)
    way, bars = plan.form[:-2], plan.bars

    assert sum(section.bars for section in way) >= 0.5 * bars - 2
    assert len(way) >= min(3, bars // 5)
    assert plan.form[-2].bars <= 16 + 8
    assert all(later.energy - earlier.energy < 0.66 for earlier, later in pairwise(plan.form))


def test_more_play_where_more_was_asked_for():
    plan = plan_of("cinematic, starts small and grows until it bursts", 90)

    assert len(plan.form[0].voices) < len(plan.form[-1].voices)


def test_what_only_the_quiet_beginning_is_called_is_no_mood_of_the_whole():
    brief = read("starts calm and grows until it explodes")

    assert brief.moods == ()
    assert brief.arousal > -0.4
    assert {plan_of(brief.prompt, seed=seed).style for seed in range(8)}.isdisjoint({"meditation", "lullaby"})


def test_every_shape_is_a_curve_inside_its_square():
    styles = packaged_styles()
    for key, row in lexicon().course.items():
        places = [place for place, _ in row.curve]
        assert places == sorted(places), key
        assert not places or (places[0], places[-1]) == (0.0, 1.0), key
        assert all(0 <= energy <= 1 for _, energy in row.curve), key
        assert set(row.styles) <= set(styles), key


# Which note a tempo counts.

COUNTED = [
    ("folk in 6/8 at 120 bpm", 180.0), ("irish jig at 116 bpm", 174.0), ("12/8 blues, 60 bpm", 90.0),
    ("6/8, quarter = 120", 120.0), ("6/8, 180 eighth notes per minute", 90.0), ("dotted quarter = 80, 6/8", 120.0),
    ("waltz at 160 bpm", 160.0), ("7/8 prog rock at 140", 140.0), ("half note = 60, 4/4", 120.0),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "quarters"), COUNTED, ids=[prompt for prompt, _ in COUNTED])
def test_a_tempo_counts_the_beats_of_its_metre(prompt: str, quarters: float):
    assert plan_of(prompt).tempo_bpm == quarters


def test_the_brief_says_which_note_was_counted():
    assert any("180 quarter notes" in line for line in read("6/8 at 120 bpm").conflicts)
    assert read("6/8, quarter = 120").conflicts == ()
    assert read("4/4 at 120 bpm").conflicts == ()


def test_a_number_alone_keeps_the_dice_from_compound_metres():
    assert all(plan_of("cinematic at 96 bpm", seed=seed).time_signature not in ("6/8", "12/8") for seed in range(25))


def test_counted_tempi_can_always_be_planned():
    for metre in ("4/4", "6/8", "12/8", "7/8"):
        for beat in (None, "quarter", "dotted_quarter", "eighth", "half"):
            for tempo_bpm in (30, 45, 120, 220, 300):
                assert 20 <= counted(tempo_bpm, beat, metre)[1] <= 300


# Numbers without a unit, and feels.


@pytest.mark.parametrize(
    ("prompt", "tempo_bpm"),
    [
        ("liquid drum and bass, 174", 174), ("dark techno 135", 135), ("trap, 140, dark", 140), ("140", None),
        ("rock 80s", None), ("jazz from 1960", None), ("route 66 blues", None), ("pop, 30 seconds", None),
        ("2 minutes of house", None),
    ],
)  # fmt: skip
def test_a_lone_number_is_a_tempo_where_a_tag_would_be(prompt: str, tempo_bpm: float | None):
    brief = read(prompt)

    assert (brief.tempo_bpm.value if brief.tempo_bpm else None) == tempo_bpm


def test_a_feel_is_heard_and_swings_the_plan():
    assert read("half-time, 140 bpm").feel.value == "half-time"
    assert read("half-time, 140 bpm").conflicts == ()
    assert plan_of("boom bap with swung hi-hats").swing == lexicon().feel["swing"]
    assert plan_of("jazz with straight eighths").swing == 0.0
