"""The style files, each and all; and what is said about a broken one."""

import pytest

from app.models.plan import Plan, Section, Voice
from app.services.styles import load_style, style_names
from app.services.styles.catalogue import STYLE_FOLDER, StyleInvalid, read_style
from app.services.theory.instruments import INSTRUMENTS, UNPITCHED

GENRES = {
    "pop", "rock", "jazz", "classical", "electronic", "hip-hop", "country", "reggae", "blues", "folk", "ambient",
    "instrumental",
}  # fmt: skip

every_style = pytest.mark.parametrize("name", style_names())


def test_every_genre_of_the_contract_has_a_style():
    assert {genre for name in style_names() for genre in load_style(name).genres} == GENRES


def test_a_style_is_read_once():
    assert load_style("jazz") is load_style("jazz")


def test_an_unknown_style_is_named_with_those_there_are():
    with pytest.raises(KeyError, match=r"schottische.*jazz"):
        load_style("schottische")


@every_style
def test_every_instrument_exists_and_fits_its_role(name):
    for role, member in load_style(name).ensemble.items():
        for key in member.instruments:
            row = INSTRUMENTS[key]
            assert row.is_drums == (role in ("drums", "percussion")), key
            low, high = max(row.low_pitch, member.low_pitch), min(row.high_pitch, member.high_pitch)
            assert high - low >= 9 or key in UNPITCHED, f"{role}: {key} has only {low}…{high}"


@every_style
def test_tempo_energies_and_weights_make_sense(name):
    style = load_style(name)

    assert 40 <= style.tempo_bpm.low <= style.tempo_bpm.typical <= style.tempo_bpm.high <= 220
    assert all(weight > 0 for weight in (*style.modes.values(), *style.time_signatures.values()))
    for member in style.ensemble.values():
        assert 0 < member.presence <= 1
        assert 0 <= member.from_energy < 1
        assert sum(member.instruments.values()) > 0


@every_style
def test_forms_reach_from_a_sting_to_minutes(name):
    forms = load_style(name).forms

    assert len(forms[0]) == 1
    assert len(forms[-1]) >= 6
    assert [len(form) for form in forms] == sorted(len(form) for form in forms)
    for form in forms[2:]:
        assert len({step.energy for step in form}) >= 2
        assert max(step.energy for step in form) - min(step.energy for step in form) >= 0.15


@every_style
def test_somebody_plays_in_every_section(name):
    style = load_style(name)
    sure = [member.from_energy for member in style.ensemble.values() if member.presence >= 0.9]

    assert min(sure) <= min(step.energy for form in style.forms for step in form)


@every_style
def test_its_channels_are_what_a_plan_accepts(name):
    style = load_style(name)
    for role, member in style.ensemble.items():
        Voice.model_validate(
            {
                "name": role,
                "role": role,
                "instrument": next(iter(member.instruments)),
                "low_pitch": member.low_pitch,
                "high_pitch": member.high_pitch,
                "channel": {
                    key: getattr(member, key)
                    for key in (
                        "level_db",
                        "pan",
                        "width",
                        "reverb_send_db",
                        "delay_send_db",
                        "chorus",
                        "drive",
                        "duck_db",
                    )
                },
            }
        )
    for form in style.forms:
        for step in form:
            Section(kind=step.kind, material=step.material, bars=4, energy=step.energy, voices=("lead",))
    mix = style.mix.model_dump()
    fields = {
        **Plan.model_fields["space"].annotation.model_fields,
        **Plan.model_fields["mastering"].annotation.model_fields,
    }
    for key, value in mix.items():
        limits = {type(limit).__name__: limit for limit in fields[key].metadata}
        assert limits["Ge"].ge <= value <= limits["Le"].le, key


@every_style
def test_every_mode_it_is_found_in_has_progressions_of_its_own(name):
    style = load_style(name)
    likely = [mode for mode, weight in style.modes.items() if weight >= 0.2]

    for mode in likely:
        assert [progression for progression in style.harmony.progressions if mode in progression.modes], mode


@every_style
def test_every_file_is_complete(name):
    written = (STYLE_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    roles = load_style(name).ensemble

    for table in ("[feel]", "[harmony]", "[melody]"):
        assert table in written
    for role in set(roles) & {"chords", "arpeggio", "bass"}:
        assert f"[{role}]" in written
    for role in set(roles) & {"drums", "percussion"}:
        assert f"[[{role}.grooves]]" in written


def test_its_signs_are_those_that_players_know():
    known = {
        "chords": "Xxosbup123456789",
        "arpeggio": "0123456789",
        "pad": "Xxosbup123456789",
        "bass": "R53678wagsp",
        "melody": "x",
    }
    for name in style_names():
        style = load_style(name)
        for part, signs in known.items():
            idiom = getattr(style, part)
            patterns = (*idiom.rhythms, *idiom.endings) if part == "melody" else idiom.patterns
            for pattern in patterns:
                assert not set(pattern.rhythm) - set(signs + ".-|"), f"{name}.{part}: {pattern.rhythm}"


@pytest.fixture
def broken(tmp_path):
    """A copy of a good file with one thing replaced."""

    def write(found: str, put: str):
        text = (STYLE_FOLDER / "pop.toml").read_text(encoding="utf-8")
        assert found in text
        path = tmp_path / "schottische.toml"
        path.write_text(text.replace(found, put, 1), encoding="utf-8")
        return path

    return write


def test_a_style_outside_the_package_is_named_after_its_file(broken):
    assert read_style(broken('title = "Pop"', 'title = "Schottische"')).name == "schottische"


@pytest.mark.parametrize(
    ("found", "put", "complaint"),
    [
        ("valence = 0.5", 'valence = "glad"', r"schottische\.toml: valence: "),
        ("valence = 0.5", "valnce = 0.5", r"schottische\.toml: valnce: "),
        ('title = "Pop"', "title = ", r"schottische\.toml: not TOML"),
        ('chords = "I | V | vi | IV"', 'chords = "I | V | viii | IV"', r"progressions\.0: .*viii"),
        ('chords = "I | V | vi | IV"', 'chords = "I | V | | IV"', r"progressions\.0: .*empty"),
        ('chords = "I | V | vi | IV"', 'chords = "I | V | vi13 | IV"', r"unknown chord type '13'"),
        ("lanes.kick", "lanes.kcik", r"drums\.grooves\.0: .*unknown drum 'kcik'"),
        ('lanes.kick = "x.......x......."', 'lanes.kick = "x.......x......"', r"15 steps"),
        ('lanes.kick = "x.......x......."', 'lanes.kick = "x.......z......."', r"unknown signs 'z'"),
        ('{ rhythm = "x---x-x---x-x-x-"', '{ rhythm = "x---x-x---x-x-x"', r"melody\.rhythms\.0: .*15 steps"),
        ("energy = 0.75", "energy = 7.5", r"forms\.0\.0\.energy"),
        ("fingered_bass", "fingerd_bass", r"ensemble\.bass\.instruments: .*fingered_bass"),
    ],
)
def test_a_broken_file_says_where_it_is_broken(broken, found, put, complaint):
    with pytest.raises(StyleInvalid, match=complaint):
        read_style(broken(found, put))
