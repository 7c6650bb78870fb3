"""Loops as sound: played twice in a row, nobody hears where the first time ends."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from scipy.signal import stft

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.models.brief import Heard
from app.services.composing import compose, perform
from app.services.encoding import make_tags, open_encoder, write_stems
from app.services.engines import TakeRequest
from app.services.engines.composer import ComposerEngine, around, kick_frames, note_events
from app.services.instruments import find_soundfont, load_soundfont, open_part
from app.services.instruments.base import NoteEvent
from app.services.mixing import Mixer, master
from app.services.pipeline import mix_of
from app.services.planning import make_plan, read

SOUNDFONT = find_soundfont(None)

PROMPTS = ("house music at 120 bpm", "calm solo piano", "ambient drone with pads", "rock band", "slow orchestral music")


def plan_of(prompt, duration_s=9):
    brief = read(prompt).model_copy(update={"loop": Heard(value=True, words=("loop",))})
    return make_plan(brief, duration_s=duration_s, seed=4, soundfont_sha256=load_soundfont(SOUNDFONT).sha256)


def take_on(plan, *, stems=False):
    request = TakeRequest(
        plan=plan, prompt="", progress=lambda *_: None, cancelled=lambda: False, stems=stems, threads=1
    )
    (take,) = ComposerEngine(SOUNDFONT).generate([request])
    return take


class Looped:
    """A loop as it leaves the service: its plan, its mix, its master as the WAV and FLAC files hold it."""

    def __init__(self, prompt, folder):
        self.plan = plan_of(prompt)
        self.mix = mix_of(take_on(self.plan), self.plan)
        blocks = list(master(self.mix.copy(), self.plan.mastering, loop=True))
        self.sound = {}
        for form in ("wav", "flac"):
            path = folder / f"{prompt[:5]}.{form}"
            tags = make_tags(title="Round", loop=True)
            with open_encoder(form, path, tags=tags, frames=len(self.mix)) as file:
                for block in blocks:
                    file.write(block)
            self.sound[form], rate = soundfile.read(path)
            assert rate == SAMPLE_RATE
        self.wav = folder / f"{prompt[:5]}.wav"


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loops")
    return {prompt: Looped(prompt, folder) for prompt in PROMPTS}


@pytest.mark.parametrize("form", ["wav", "flac"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_step_over_the_seam_is_no_larger_than_those_around_it(loops, prompt, form):
    sound = loops[prompt].sound[form]
    frames = len(sound)
    steps = np.abs(np.diff(np.concatenate((sound, sound)), axis=0)).max(axis=1)
    around_it = np.concatenate((steps[frames - 4410 : frames - 1], steps[frames : frames + 4410]))

    assert frames == loops[prompt].plan.duration_s * SAMPLE_RATE
    assert steps[frames - 1] <= around_it.max()
    # A click would stand out from the steps of the last moment before anything new is struck.
    assert steps[frames - 1] <= 3 * steps[frames - 441 : frames - 1].max() + 1e-3


def high_tones(sound, centre):
    """Power above 8 kHz of each 3 ms around a frame, hat strokes included."""
    piece = sound[centre - 8192 : centre + 8192].mean(axis=1)
    _, _, spectrum = stft(piece, SAMPLE_RATE, nperseg=256, noverlap=192)
    # Where the piece is cut out of the sound it steps, and a step is as bright as a click.
    return (np.abs(spectrum[48:, 4:-4]) ** 2).sum(axis=0)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_seam_has_no_click_in_its_spectrum(loops, prompt):
    sound = loops[prompt].sound["wav"]
    rounds = np.concatenate((sound, sound, sound, sound))
    seam = 2 * len(sound)
    bar = round(loops[prompt].plan.beats_per_bar * 60 / loops[prompt].plan.tempo_bpm * SAMPLE_RATE)
    downbeats = [seam + number * bar for number in (-3, -1, 1, 3)]

    at_seam = high_tones(rounds, seam).max()

    assert at_seam <= 4 * max(high_tones(rounds, downbeat).max() for downbeat in downbeats) + 1e-9


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_loop_is_silent_at_neither_end_and_as_loud_before_the_seam_as_after_it(loops, prompt):
    sound = loops[prompt].sound["wav"]

    def level_db(piece):
        return 10 * np.log10((piece**2).mean() + 1e-12)

    whole = level_db(sound)
    before, after = level_db(sound[-SAMPLE_RATE:]), level_db(sound[:SAMPLE_RATE])
    assert min(level_db(sound[:2205]), level_db(sound[-2205:])) > whole - 30
    # A piano may ring out over two beats before the first one comes again; a fade would be far below.
    assert abs(before - after) < 12
    assert np.abs(sound[0]).max() > 0


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_beginning_sounds_as_it_would_the_third_time_round(loops, prompt):
    looped = loops[prompt]
    plan, total = looped.plan, len(looped.mix)
    performance = perform(compose(plan), plan)
    font = load_soundfont(SOUNDFONT)
    parts = []
    for voice in plan.ensemble:
        once = note_events(performance, voice.name)
        thrice = [replace(e, start_frame=e.start_frame + turn * total) for turn in range(3) for e in once]
        parts.append(open_part(voice, thrice, soundfont=font, seed=plan.seed))
    kicks = [kick + turn * total for turn in range(3) for kick in kick_frames(plan, performance)]
    mixer = Mixer(plan.ensemble, plan.space, tempo_bpm=plan.tempo_bpm, kick_frames=kicks)
    blocks = [
        mixer.process([part.block(BLOCK_FRAMES) for part in parts], BLOCK_FRAMES).mix
        for _ in range(0, 2 * total + SAMPLE_RATE, BLOCK_FRAMES)
    ]
    third = np.concatenate(blocks)[2 * total : 2 * total + 8820]

    first = looped.mix[:8820]

    # The oscillators of a drone beat against each other from another phase each time.
    near = 0.5 if "drone" in prompt else 0.2
    assert np.sqrt((first**2).mean()) == pytest.approx(np.sqrt((third**2).mean()), rel=near)


def test_the_stems_of_a_loop_add_up_to_its_mix(tmp_path):
    plan = plan_of("house music at 120 bpm", duration_s=6)
    write_stems(
        take_on(plan, stems=True).blocks, tmp_path / "stems.zip", plan=plan, tags=make_tags(title="Round", loop=True)
    )

    with zipfile.ZipFile(tmp_path / "stems.zip") as archive:
        sounds = {
            name: soundfile.read(io.BytesIO(archive.read(name)))[0]
            for name in archive.namelist()
            if name.endswith(".flac")
        }
        gain = json.loads(archive.read("mix.json"))["gain"]
    mix = sounds.pop("mix.flac")
    np.testing.assert_allclose(sum(sounds.values()), mix, atol=1e-5)
    np.testing.assert_allclose(mix, mix_of(take_on(plan), plan) * gain, atol=1e-4)
    assert np.abs(mix[-1]).max() > 0


def test_the_wav_of_a_loop_says_where_it_loops(loops):
    content = loops[PROMPTS[0]].wav.read_bytes()
    at = content.index(b"smpl")
    words = np.frombuffer(content[at + 4 : at + 8 + 60], "<u4")

    assert words[0] == 60
    assert words[3] == 22_676
    assert words[8] == 1
    assert tuple(words[-4:]) == (0, len(loops[PROMPTS[0]].mix) - 1, 0, 0)


def event(start, length, pitch=60):
    return NoteEvent(start_frame=start, length_frames=length, pitch=pitch, velocity=80)


def test_held_notes_are_held_on_over_the_seam():
    events = [event(0, 30_000), event(0, 30_000, 64), event(60_000, 39_990), event(60_000, 20_000, 64)]

    played = [e for e in around(events, 100_000, tied=True) if e.start_frame < 100_000]

    assert event(60_000, 70_000) in played
    assert event(0, 30_000) not in played
    assert event(0, 30_000, 64) in played
    assert event(60_000, 20_000, 64) in played


def test_a_note_as_long_as_the_loop_is_struck_each_time():
    assert around([event(0, 100_000)], 100_000, tied=True)[0] == event(0, 100_000)
