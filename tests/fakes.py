"""Doubles that pass for the real ones: the real service on a queue and a store in memory, and a clock that stands."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from app.config import Settings
from app.errors import (
    ClipNotFound,
    FinetuneAlreadyFinished,
    FinetuneNotFound,
    InvalidField,
    NameTaken,
    NoRoomForAll,
    QueueFull,
    TrackAlreadyFinished,
    TrackNotFound,
)
from app.models.clip import Clip
from app.models.finetune import Finetune
from app.models.group import Comparison, Group, Standing
from app.models.track import FORMS, Stage, Status, Track, TrackFile
from app.services.access import Replays
from app.services.encoding import keep_clip
from app.services.engines import Models
from app.services.generator import Backend, MusicGeneratorService
from app.services.jobs.audience import Audience, Hear
from app.services.jobs.base import CacheSize, LoadedModel, QueueLoad
from app.services.storage import AudioFiles, LessonFiles, TrackPage, TrackStore
from app.services.storage.figures import LineFigures
from app.services.storage.replays import drop_old_replays
from app.services.storage.sent import write_sent
from app.utils.clock import FrozenClock
from app.wiring import make_access

#: Forms that a completed fake track has at once, and those it makes when asked.
AT_ONCE = ("mp3", "wav", "mid", "plan.json", "brief.json", "mel.png")
#: Fingerprint of the font that the fake service would play.
SOUNDFONT_SHA256 = "5f" * 32
ON_DEMAND = ("flac", "ogg", "opus", "stems.zip", "waveform.json", "spectrogram.png", "pianoroll.png", "cover.png")


class FakeQueue:
    """A JobQueue that does no work by itself: tests tell it what happens to each track."""

    def __init__(self, folder: Path, clock: FrozenClock, max_queue: int) -> None:
        self.files = AudioFiles(str(folder / "audio"))
        self.folder = folder
        self.clock = clock
        self.max_queue = max_queue
        self.tracks: dict[str, Track] = {}
        self.audience = Audience()
        #: Tracks whose files are being read.
        self.kept: list[str] = []
        #: Tracks that only the store still knows, as after a restart.
        self.stored: dict[str, Track] = {}
        #: Raised by the next call that touches a track.
        self.trouble: Exception | None = None
        #: Raised whenever the database is looked at.
        self.trouble_at_ping: Exception | None = None
        #: What the queue says is the matter with it.
        self.said: str | None = None
        #: Whether workers on other machines take what waits; None where the workers are its own.
        self.elsewhere: bool | None = None
        #: Ids that the store was asked for.
        self.asked: list[str] = []
        #: What was written beside tracks.
        self.groups: dict[str, Group] = {}
        self.comparisons: dict[str, Comparison] = {}
        self.votes: dict[str, Mapping[str, bool]] = {}
        self.changing = threading.Lock()
        self.started = self.stopped = 0

    def start(self) -> None:
        self.started += 1

    def stop(self, *, drain_s: float = 0.0) -> None:
        self.stopped += 1

    def submit(self, track: Track) -> "Future[Track]":
        with self.changing:
            self.meet_trouble()
            if len(self.waiting()) >= self.max_queue:
                raise QueueFull(self.max_queue, 7)
            self.tracks[track.id] = track
        self.audience.tell(track.id, track)
        return _done(track)

    def submit_all(self, tracks: Sequence[Track], group: Group, comparison: Comparison | None = None) -> "Future[None]":
        with self.changing:
            self.meet_trouble()
            room = self.max_queue - len(self.waiting())
            if len(tracks) > room:
                raise NoRoomForAll(len(tracks), room, self.max_queue, 7)
            self.tracks |= {track.id: track for track in tracks}
            self.groups[group.id] = group
            if comparison is not None:
                self.comparisons[comparison.id] = comparison
        return _done(None)

    def record(self, change: Callable[[Any], Any]) -> "Future[Any]":
        self.meet_trouble()
        return _done(change(self))

    def vote(
        self, comparison_id: str, winner: str, models: Mapping[str, bool], voted_at: datetime
    ) -> Comparison | None:
        known = self.comparisons.get(comparison_id)
        if known is None:
            return None
        self.votes[comparison_id] = models
        voted = replace(known, winner=winner, voted_at=voted_at, votes=known.votes + 1)
        self.comparisons[comparison_id] = voted
        return voted

    def get(self, track_id: str) -> Track | None:
        self.meet_trouble()
        return self.tracks.get(track_id)

    def position(self, track_id: str) -> int | None:
        waiting = self.waiting()
        return waiting.index(track_id) + 1 if track_id in waiting else None

    @contextmanager
    def keep(self, track_id: str) -> Iterator[None]:
        self.kept.append(track_id)
        try:
            yield
        finally:
            self.kept.remove(track_id)

    def cancel(self, track_id: str) -> "Future[Track]":
        track = self._known(track_id)
        if track.stage == "cancelled":
            return _done(track)
        if track.finished:
            raise TrackAlreadyFinished(f"Track {track.id} is {track.status} and cannot be cancelled")
        return _done(self.change(track_id, status="failed", stage="cancelled", error="Cancelled on request"))

    def delete(self, track_id: str) -> "Future[None]":
        self._known(track_id)
        self.tracks.pop(track_id, None)
        self.audience.tell(track_id, None)
        self.stored.pop(track_id, None)
        for group in list(self.groups.values()):
            left = tuple(member for member in group.track_ids if member != track_id)
            self.groups[group.id] = replace(group, track_ids=left)
            if not left:
                del self.groups[group.id]
                self.comparisons = {name: one for name, one in self.comparisons.items() if one.group_id != group.id}
        return _done(None)

    def make_file(self, track_id: str, form: str) -> "Future[TrackFile]":
        file = self.store_file(track_id, form, _text(form, f"{form} made on demand"))
        self.change(track_id, files=(*self._known(track_id).files, file))
        return _done(file)

    def watch(self, hear: Hear) -> Callable[[], None]:
        return self.audience.join(hear)

    def at_work(self) -> list[Track]:
        return [track for track in self.tracks.values() if not track.finished]

    def load(self, model: str | None = None) -> QueueLoad:
        elsewhere = bool(self.elsewhere)
        return QueueLoad(queued=len(self.waiting()), running=0, workers=2, backlog_s=0.0, elsewhere=elsewhere)

    def loaded(self) -> dict[str, LoadedModel]:
        return {}

    @property
    def remote(self) -> bool:
        return self.elsewhere is not None

    def ailment(self) -> str | None:
        return self.said

    def remembered(self) -> int:
        return len(self.tracks)

    def caches(self) -> list[CacheSize]:
        return [CacheSize(name="sounds", entries=3, size_bytes=4096)]

    # -- what tests do to tracks --------------------------------------------------------------------------------

    def waiting(self) -> list[str]:
        return [track.id for track in self.tracks.values() if track.stage == "queued"]

    def change(self, track_id: str, **facts: Any) -> Track:
        track = self.tracks[track_id] = replace(self._known(track_id), **facts)
        self.audience.tell(track_id, track)
        return track

    def work(self, track_id: str, stage: Stage, progress: int) -> Track:
        """Let the track be in work."""
        return self.change(track_id, stage=stage, progress=progress, started_at=self.clock.now(), attempt=1)

    def complete(self, track_id: str, contents: Mapping[str, bytes] | None = None) -> Track:
        """Let the track be completed, each file holding the given bytes or its own name."""
        files = tuple(
            self.store_file(track_id, form, (contents or {}).get(form, _text(form, f"{form} of {track_id}")))
            for form in AT_ONCE
        )
        return self.change(
            track_id,
            status="completed",
            stage="completed",
            progress=100,
            started_at=self.clock.now(),
            finished_at=self.clock.now(),
            attempt=1,
            files=files,
            on_demand=ON_DEMAND,
            brief={"prompt": self._known(track_id).prompt},
            plan={"title": "A quiet morning", "tempo_bpm": 62.0},
            timings={"rendering": 0.5},
            measured={"loudness_lufs": -14.0},
            wav_sha256=next(file.sha256 for file in files if file.form == "wav"),
        )

    def complete_all(self) -> None:
        """Let everything be completed that is not finished."""
        for track in self.at_work():
            self.complete(track.id)

    def fail(self, track_id: str, reason: str) -> Track:
        """Let the track fail."""
        return self.change(
            track_id, status="failed", stage="failed", error=reason, started_at=self.clock.now(),
            finished_at=self.clock.now(),
        )  # fmt: skip

    def forget(self, track_id: str) -> None:
        """Let only the store know the track, as after a restart."""
        self.stored[track_id] = self.tracks.pop(track_id)

    def store_file(self, track_id: str, form: str, content: bytes) -> TrackFile:
        assert form in FORMS
        path = self.folder / "fake-file"
        path.write_bytes(content)
        key = f"tracks/{track_id}/1/track.{form}"
        self.files.put(path, key)
        return TrackFile(form=form, key=key, size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def _known(self, track_id: str) -> Track:
        self.meet_trouble()
        track = self.tracks.get(track_id) or self.stored.get(track_id)
        if track is None:
            raise TrackNotFound(track_id)
        return track

    def meet_trouble(self) -> None:
        """Raise what the test asked for, once."""
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble


class FakeStore:
    """What the service asks a TrackStore, answered from the fake queue's memory."""

    def __init__(self, queue: FakeQueue) -> None:
        self.queue = queue

    def get(self, track_id: str) -> Track | None:
        self.queue.asked.append(track_id)
        return self.queue.stored.get(track_id)

    def get_all(self, track_ids: Sequence[str]) -> dict[str, Track]:
        return {track_id: track for track_id in track_ids if (track := self.get(track_id)) is not None}

    def group(self, group_id: str) -> Group | None:
        self.queue.meet_trouble()
        return self.queue.groups.get(group_id)

    def comparison(self, comparison_id: str) -> Comparison | None:
        self.queue.meet_trouble()
        return self.queue.comparisons.get(comparison_id)

    def ping(self) -> None:
        if self.queue.trouble_at_ping is not None:
            raise self.queue.trouble_at_ping

    def lines(self) -> list[LineFigures]:
        waiting = [self.queue.tracks[track_id] for track_id in self.queue.waiting()]
        return [
            LineFigures(engine=track.model, kind="render", state="queued", count=1, oldest=track.created_at)
            for track in waiting
        ]

    def stored_bytes(self) -> int:
        return sum(file.size for track in self.queue.tracks.values() for file in track.files)

    def speeds(self) -> dict[str, float]:
        return {}

    def standings(self) -> dict[str, Standing]:
        self.queue.meet_trouble()
        votes = self.queue.votes.values()
        return {
            model: Standing(
                compared=sum(model in vote for vote in votes), wins=sum(vote.get(model, False) for vote in votes)
            )
            for model in {model for vote in votes for model in vote}
        }

    def ended_since(self, moment: datetime, limit: int, *, owner: str | None = None) -> list[Track]:
        everything = [*self.queue.stored.values(), *self.queue.tracks.values()]
        theirs = [track for track in everything if owner is None or track.owner == owner]
        ended = [(track.finished_at, track) for track in theirs if track.finished_at and track.finished_at >= moment]
        return [track for _, track in sorted(ended, key=lambda each: each[0])][-limit:]

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> TrackPage:
        self.queue.meet_trouble()
        newest_first = list({**self.queue.stored, **self.queue.tracks}.values())[::-1]
        matching = [track for track in newest_first if status is None or track.status == status]
        ids = [track.id for track in matching]
        if cursor is not None and cursor not in ids:
            raise InvalidField("cursor", "is not a cursor that this service gave")
        start = ids.index(cursor) + 1 if cursor else 0
        shown = matching[start : start + limit]
        more = start + limit < len(matching)
        return TrackPage(tracks=tuple(shown), next_cursor=shown[-1].id if more else None)


class FakeFinetuner:
    """A Finetuner that teaches nothing: tests tell it what became of each lesson."""

    def __init__(self, folder: Path) -> None:
        self.files = LessonFiles(folder / "finetunes")
        self.finetunes: dict[str, Finetune] = {}
        #: What was sent, by id.
        self.sent: dict[str, list[bytes]] = {}

    def submit(self, finetune: Finetune, files: Iterable[BinaryIO]) -> Finetune:
        for known in self.finetunes.values():
            if known.model == finetune.model and known.status != "failed":
                raise NameTaken(finetune.name, known.id)
        self.sent[finetune.id] = [file.read() for file in files]
        self.finetunes[finetune.id] = finetune
        return finetune

    def get(self, finetune_id: str) -> Finetune:
        if finetune_id not in self.finetunes:
            raise FinetuneNotFound(finetune_id)
        return self.finetunes[finetune_id]

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> tuple[tuple[Finetune, ...], str | None]:
        if cursor is not None:
            raise InvalidField("cursor", "is not a cursor that this service gave")
        newest_first = list(self.finetunes.values())[::-1]
        matching = [one for one in newest_first if status is None or one.status == status]
        return tuple(matching[:limit]), None

    def become(self, finetune_id: str, **changes: Any) -> None:
        self.finetunes[finetune_id] = replace(self.finetunes[finetune_id], **changes)

    def cancel(self, finetune_id: str) -> Finetune:
        found = self.get(finetune_id)
        if found.finished and found.stage != "cancelled":
            raise FinetuneAlreadyFinished(f"Fine-tune {finetune_id} is already finished; it cannot be cancelled")
        self.become(finetune_id, status="failed", stage="cancelled")
        return self.get(finetune_id)

    def delete(self, finetune_id: str) -> None:
        self.get(finetune_id)
        del self.finetunes[finetune_id]

    def bring(self) -> None:
        """All that was taught is here."""


class FakeClips:
    """A ClipShelf in memory, which opens what is sent in the test's own process."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        self.folder = folder
        self.clock = clock
        self.clips: dict[str, Clip] = {}

    def take(self, name: str, content: BinaryIO) -> Clip:
        source = self.folder / "sent"
        size, sha256 = write_sent(content, source)
        facts = keep_clip(source, self.folder / "clip.flac")
        now = self.clock.now()
        clip = Clip(
            id=f"clip_{len(self.clips):016x}", name=name, facts=facts, size=size, sha256=sha256, stored_bytes=1,
            created_at=now, used_at=now,
        )  # fmt: skip
        self.clips[clip.id] = clip
        return clip

    def get(self, clip_id: str) -> Clip:
        if clip_id not in self.clips:
            raise ClipNotFound(clip_id)
        return self.clips[clip_id]

    use = get

    def expires_at(self, clip: Clip) -> datetime | None:
        return clip.used_at

    def delete(self, clip_id: str) -> None:
        self.get(clip_id)
        del self.clips[clip_id]


class FakeService(MusicGeneratorService):
    """The real service; behind it nothing happens unless a test lets it happen through `queue`."""

    def __init__(self, folder: Path, *, max_queue: int = 1000, keys: bool = False) -> None:
        """With `keys` it knows whose a key is, as the real one does."""
        self.clock = FrozenClock()
        self.queue = FakeQueue(folder, self.clock, max_queue)
        self.finetuner = FakeFinetuner(folder)
        self.default_model = "composer"
        self.clips = FakeClips(folder, self.clock)
        #: Answers and keys are real.
        self.kept = TrackStore(folder / "kept.db")
        self.access = make_access(Settings(data_dir=folder), self.kept, self.clock) if keys else None
        super().__init__(self._make_backend)

    def forget(self) -> None:
        """As if nobody had ever asked for anything."""
        queue, finetuner = self.queue, self.finetuner
        for known in (queue.tracks, queue.stored, queue.groups, queue.comparisons, queue.votes):
            known.clear()
        for taught in (finetuner.finetunes, finetuner.sent, self.clips.clips):
            taught.clear()
        with self.kept.transaction() as changes:
            drop_old_replays(changes.connection, self.clock.now() + timedelta(seconds=1))

    def _make_backend(self) -> Backend:
        self.queue.start()
        return Backend(
            queue=self.queue,
            store=FakeStore(self.queue),  # type: ignore[arg-type]  # as much of it as the service asks
            finetuner=self.finetuner,  # type: ignore[arg-type]
            clips=self.clips,  # type: ignore[arg-type]
            files=self.queue.files,
            clock=self.clock,
            models=Models(
                hub=self.queue.folder / "hub",
                home=self.queue.folder,
                tuned=self.finetuner.files.styles,
                adapters=self.finetuner.files.adapters,
            ),
            default_model=self.default_model,
            soundfont_sha256=lambda: SOUNDFONT_SHA256,
            release=self._release,
            replays=Replays(self.kept, self.clock),
            access=self.access,
        )

    def _release(self) -> None:
        self.queue.stop()
        self.kept.close()


def _text(form: str, text: str) -> bytes:
    """What a fake file holds: its name, as JSON where it is said to be that."""
    return (json.dumps(text) if form.endswith(".json") else text).encode()


def _done(value: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(value)
    return future
