"""A lesson from its first file to what was learned. Runs in a process of its own; writes nothing that is kept."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.errors import GenerationFailed
from app.models.finetune import Learned, Lesson, LessonProgress, SkippedFile
from app.services.composing.composer import write
from app.services.engines import ModelRow, Models
from app.services.engines.musicgen_lessons import DEFAULT_STEPS, Trainer, curve
from app.services.learning import Corpus, distances, learn, nearest, read_corpus, tune_of
from app.services.learning.practising import ROUNDS
from app.services.learning.recordings import Recordings
from app.services.learning.tune import Tune
from app.services.planning import make_plan, read
from app.services.storage import LessonFiles
from app.services.styles import Style, load_style, look_in, style_file, style_names

#: Files that are named where nothing could be learned.
_MOST_NAMED = 5

#: Pieces that a style is measured by, and their length in seconds.
_PIECES, _PIECE_S = 12, 30

#: Pieces that it is practised by, the seed of the first of them, and what the style is called meanwhile.
_REHEARSALS, _REHEARSED, _TRIED = 32, 1_000_000, "tried"


def teach(lesson: Lesson, tell: Callable[[LessonProgress], None], models: Models) -> Learned:
    """Learn what the base can learn from the files. `GenerationFailed` where none of them is good for it."""
    row = models.row(lesson.finetune.base)
    return _teach_composer(lesson, tell) if row.engine == "composer" else _train(lesson, tell, models, row)


def _train(lesson: Lesson, tell: Callable[[LessonProgress], None], models: Models, row: ModelRow) -> Learned:
    """An adapter for a neural model, from recordings with captions."""
    wish = lesson.finetune
    tell(LessonProgress(stage="reading", fraction=0.0))
    recordings = Recordings(wish.files, lesson.paths)
    trainer = Trainer(models.source(row), Path(lesson.work), seed=wish.seed, device=models.device)
    for clip in recordings.clips(lambda part: tell(LessonProgress(stage="reading", fraction=0.2 * part))):
        trainer.hear(clip.samples, clip.sample_rate, clip.text)
    if not trainer.pieces:
        raise GenerationFailed(_nothing(recordings.skipped))
    made = trainer.train(
        wish.steps or DEFAULT_STEPS,
        strength=wish.strength,
        tell=lambda part: tell(LessonProgress(stage="learning", fraction=0.2 + 0.8 * part)),
    )
    facts = {
        "pieces": made.pieces,
        "seconds": round(made.seconds, 1),
        "steps": len(made.losses),
        "loss": [list(point) for point in curve(made.losses)],
        "resumed_at": made.resumed_at,
    }
    return Learned(skipped=tuple(recordings.skipped), facts=facts, adapter=str(made.folder))


def _teach_composer(lesson: Lesson, tell: Callable[[LessonProgress], None]) -> Learned:
    """A composer's style, from MIDI files."""
    wish = lesson.finetune
    tell(LessonProgress(stage="reading", fraction=0.0))
    corpus = read_corpus(
        wish.files, lesson.paths, lambda part: tell(LessonProgress(stage="reading", fraction=0.5 * part))
    )
    if not corpus.tunes:
        raise GenerationFailed(_nothing(corpus.skipped))
    tell(LessonProgress(stage="learning", fraction=0.5))
    base = wish.style or nearest(corpus.tunes, {name: load_style(name) for name in style_names()})
    with tempfile.TemporaryDirectory(prefix="music-lesson-") as folder:
        rehearsal = Rehearsal(Path(folder), lambda part: tell(_learning(part)))
        style = learn(
            corpus.tunes,
            base=load_style(base),
            strength=wish.strength,
            seed=wish.seed,
            title=wish.name,
            hear=rehearsal.hear,
        )
        tell(LessonProgress(stage="measuring", fraction=0.9))
        rehearsal.keep(style)
        learned_at = _distance(style.name, corpus.tunes)
        tell(LessonProgress(stage="measuring", fraction=0.95))
        base_at = _distance(base, corpus.tunes)
    return Learned(
        style_name=style.name,
        style_json=style.model_dump_json(),
        skipped=tuple(corpus.skipped),
        facts=_facts(corpus, style, base=base, distance={"base": base_at, "learned": learned_at}),
    )


def _learning(part: float) -> LessonProgress:
    return LessonProgress(stage="learning", fraction=0.5 + 0.4 * part)


class Rehearsal:
    """Pieces in styles that are tried out; their files lie in a folder of their own."""

    def __init__(self, folder: Path, tell: Callable[[float], None]) -> None:
        self._files = LessonFiles(folder)
        self._tell = tell
        self._times = 0
        look_in(self._files.styles)

    def keep(self, style: Style) -> None:
        """Let the composer find the style, and no other of this rehearsal."""
        self._files.drop_style(_TRIED)
        self._files.keep_style(style_file(_TRIED, style.name), style.model_dump_json())

    def hear(self, style: Style) -> list[Tune]:
        """Some pieces in a style, none of those that it is measured by."""
        self.keep(style)
        self._times += 1
        self._tell(min(self._times / (ROUNDS + 1), 1.0))
        return _played(style, range(_REHEARSED, _REHEARSED + _REHEARSALS))


def _played(style: Style, seeds: range) -> list[Tune]:
    """Pieces of a style as they are counted."""
    made = []
    for seed in seeds:
        styles = {style.name: style}
        plan = make_plan(read("music"), duration_s=_PIECE_S, seed=seed, soundfont_sha256=None, styles=styles)
        tune = tune_of(write(plan)[1], plan)
        if tune.lines:
            made.append(tune)
    return made


def _distance(name: str, tunes: Sequence[Tune]) -> float:
    """How far the music of a style is from tunes, 0…1; see `learning.measuring`."""
    made = _played(load_style(name), range(_PIECES))
    return round(distances(made, tunes)["mean"], 4) if made else 1.0


def _facts(corpus: Corpus, style: Style, *, base: str, distance: dict[str, float]) -> dict[str, Any]:
    tempo = style.tempo_bpm
    return {
        "style": style.name,
        "base_style": base,
        "tunes": len(corpus.tunes),
        "notes": sum(len(line.notes) for tune in corpus.tunes for line in tune.lines)
        + sum(len(tune.drums) for tune in corpus.tunes),
        "tempo_bpm": {"low": tempo.low, "typical": tempo.typical, "high": tempo.high},
        "time_signatures": dict(style.time_signatures),
        "thirds": {
            third: round(sum(tune.third == third for tune in corpus.tunes) / len(corpus.tunes), 4)
            for third in ("major", "minor")
        },
        "instruments": {role: sorted(seat.instruments) for role, seat in style.ensemble.items()},
        "progressions": len(style.harmony.progressions),
        "rhythms": len(style.melody.rhythms),
        "avoided_passages": len(style.melody.avoided),
        "distance": distance,
    }


def _nothing(skipped: Sequence[SkippedFile]) -> str:
    """Why nothing was learned, in one line."""
    named = "; ".join(f"{file.file} {file.reason}" for file in skipped[:_MOST_NAMED])
    more = len(skipped) - _MOST_NAMED
    return f"Nothing could be learned: {named or 'no file was found'}" + (f"; and {more} more" if more > 0 else "")
