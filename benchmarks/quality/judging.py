"""One finished track before the detectors: what was asked, what is heard, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import librosa
import numpy as np

from benchmarks.quality import activity, levels, rhythm, seam, tonality, written
from benchmarks.quality.likeness import Portrait, portrait
from benchmarks.quality.making import Made
from benchmarks.quality.prompts import Prompt

#: Multiples of the asked tempo that a listener may tap to; in compound metres also the undotted beats.
OCTAVES = (0.5, 1.0, 2.0)
COMPOUND = (*OCTAVES, 1.5, 3.0, 0.75)

#: Changes of level from the first to the last third that count as growing or fading, dB.
COURSE_DB = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the detectors say of one track."""

    prompt: Prompt
    #: Yes or no to everything that was asked, and to every technical check, by name.
    asked: Mapping[str, bool]
    technical: Mapping[str, bool]
    #: Every figure that was measured.
    figures: Mapping[str, Any]
    #: What is wrong, in words.
    faults: tuple[str, ...]
    portrait: Portrait = field(repr=False)


def judge(prompt: Prompt, made: Made) -> Judged:
    """All detectors on one track."""
    mono = mono_of(made)
    beat = rhythm.beat_of(mono)
    chroma = tonality.chroma_of(mono)
    technical, levels_found = levels.technical(made.wav, made.wav_rate, duration_s=prompt.duration_s, loop=prompt.loop)
    mp3_peak = levels.true_peak_dbtp(made.mp3)
    technical["MP3 length"] = abs(len(made.mp3) / made.mp3_rate - prompt.duration_s) <= levels.LENGTH_S
    technical["MP3 true peak"] = mp3_peak <= levels.PEAK_DBTP
    figures: dict[str, Any] = {
        "style": made.plan.style,
        "planned": f"{made.plan.tempo_bpm:g} bpm, {made.plan.tonic} {made.plan.mode}, {made.plan.time_signature}",
        **{name: round(value, 4) for name, value in levels_found.items()},
        "mp3_true_peak_dbtp": round(mp3_peak, 2),
        "tempo_bpm": round(beat.tempo_bpm, 2),
        "key": tonality.key_of(chroma),
        "metres": rhythm.metres_of(mono, beat),
        "strokes": round(rhythm.strokes(mono), 3),
        **{name: round(value, 4) for name, value in activity.activity(mono).items()},
        "course_db": round(activity.course_db(mono), 1),
        "chord_changes_a_minute": round(written.chord_changes_a_minute(made.score), 1),
        "distinct_chords": written.distinct_chords(made.score),
        "sections_a_minute": round(written.sections_a_minute(made.plan), 1),
        "beat_variation": written.beat_variation(made.performance),
        "drummers": written.drummers(made.plan, made.score),
        "ensemble": [voice.instrument for voice in made.plan.ensemble],
        "candidates": made.plan.candidates,
        "cpu_share": round(made.cpu_s / prompt.duration_s, 4),
        "not_understood": list(made.brief.not_understood),
    }
    if prompt.loop:
        figures["seam_joins"], figures["seam"] = seam.seam(
            made.wav, made.wav_rate, None if prompt.tempo_bpm is None else beat.tempo_bpm
        )
        figures["loop_points"] = made.has_loop_points
    missing = written.missing(made.plan, made.score, made.voices, prompt.instruments)
    unwanted = written.unwanted(made.plan, made.score, prompt.refused)
    asked = _asked(prompt, figures, missing, unwanted)
    return Judged(
        prompt=prompt,
        asked=asked,
        technical=technical,
        figures=figures,
        faults=tuple(_faults(prompt, asked, technical, figures, missing, unwanted)),
        portrait=portrait(mono, chroma),
    )


def mono_of(made: Made) -> rhythm.Mono:
    """The finished WAV as most detectors hear it: one channel at `rhythm.RATE`."""
    one = made.wav.mean(axis=1).astype(np.float32)
    return np.asarray(librosa.resample(one, orig_sr=made.wav_rate, target_sr=rhythm.RATE), dtype=np.float32)


def _asked(
    prompt: Prompt, figures: Mapping[str, Any], missing: Mapping[str, str], unwanted: list[str]
) -> dict[str, bool]:
    answers: dict[str, bool] = {}
    if prompt.tempo_bpm is not None:
        multiples = COMPOUND if prompt.metre == "6/8" else OCTAVES
        answers["tempo"] = rhythm.tempo_found(figures["tempo_bpm"], prompt.tempo_bpm)
        answers["tempo or its octave"] = rhythm.tempo_found(figures["tempo_bpm"], prompt.tempo_bpm, multiples=multiples)
    if prompt.key is not None:
        answers["key"] = tonality.same_key(figures["key"], prompt.key)
    if prompt.metre is not None:
        answers["metre"] = prompt.metre in figures["metres"]
    if prompt.drums is not None:
        answers["drums"] = bool(figures["drummers"]) == prompt.drums
    if prompt.instruments:
        answers["instruments"] = not missing
    if prompt.refused:
        answers["refused"] = not unwanted
    if prompt.styles:
        answers["style"] = figures["style"] in prompt.styles
    if prompt.course is not None:
        rise = figures["course_db"] if prompt.course == "grows" else -figures["course_db"]
        answers["course"] = rise >= COURSE_DB
    if prompt.loop:
        answers["loop seam"] = figures["seam_joins"] and figures["loop_points"]
    return answers


def _faults(
    prompt: Prompt,
    asked: Mapping[str, bool],
    technical: Mapping[str, bool],
    figures: Mapping[str, Any],
    missing: Mapping[str, str],
    unwanted: list[str],
) -> list[str]:
    reasons = {
        "tempo or its octave": f"asked {prompt.tempo_bpm} bpm, heard {figures['tempo_bpm']}",
        "tempo": f"asked {prompt.tempo_bpm} bpm, heard {figures['tempo_bpm']} (its half or double)",
        "key": f"asked {prompt.key}, heard {figures['key']}",
        "metre": f"asked {prompt.metre}, heard {' or '.join(figures['metres']) or 'none'}",
        "drums": f"asked {prompt.drums}, drumming: {figures['drummers'] or 'nobody'}",
        "instruments": ", ".join(f"{word} {why}" for word, why in missing.items()),
        "refused": ", ".join(unwanted),
        "style": f"asked {' or '.join(prompt.styles)}, played {figures['style']}",
        "course": f"asked {prompt.course}, last against first third {figures['course_db']} dB",
        "loop seam": f"{figures.get('seam')}, loop points: {figures.get('loop_points')}",
    }
    faults = [
        f"{name}: {reasons[name]} [planned {figures['planned']}]"
        for name, right in asked.items()
        if not right and not (name == "tempo" and not asked["tempo or its octave"])
    ]
    shown = {name: value for name, value in figures.items() if name in ("loudness_lufs", "true_peak_dbtp", "end_db")}
    faults += [f"technical: {name} ({shown})" for name, right in technical.items() if not right]
    if not prompt.free:
        if not prompt.loop and not 12 <= figures["chord_changes_a_minute"] <= 36:
            faults.append(f"harmony: {figures['chord_changes_a_minute']} chord changes a minute")
        if not prompt.loop and figures["distinct_chords"] < 5:
            faults.append(f"harmony: {figures['distinct_chords']} different chords in 30 s")
        if not prompt.loop and not 4 <= figures["sections_a_minute"] <= 7:
            faults.append(f"form: {figures['sections_a_minute']} sections a minute")
    return faults
