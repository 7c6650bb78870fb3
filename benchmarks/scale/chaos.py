"""Many tracks over several API nodes and workers while parts of them are killed; then a look at what is left."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import obstore

from app.services.storage import TrackStore
from benchmarks.objects import S3Server, free_port
from benchmarks.postgres import Cluster
from benchmarks.servers import ROOT

if TYPE_CHECKING:
    from obstore.store import S3Store

#: Seconds between the workers' signs of life.
HEARTBEAT_S = 1.0
#: Tracks that wait or are made at the same time.
BACKLOG = 24
#: Clients that post at once.
CLIENTS = 4
#: Seconds that a killed part stays away, at most; something starts it again, as systemd would.
AWAY_S = 2.0
#: Seconds between looks at how many tracks are finished.
POLL_S = 0.2
#: What the keys of all objects begin with.
PREFIX = "music"

#: Notes every change of a track's status, so that one completed twice is seen.
AUDIT = """
CREATE TABLE ends (track_id text, status text);
CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO ends VALUES (NEW.id, NEW.status); RETURN NULL; END';
CREATE TRIGGER note_end AFTER UPDATE OF status ON tracks FOR EACH ROW
    WHEN (NEW.status <> ''processing'') EXECUTE FUNCTION note_end()
""".replace("''", "'")


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """What is done to whom."""

    tracks: int
    nodes: int = 2
    workers: int = 4
    #: Seconds between kills at least, each of a part that has come up.
    every_s: float = 5.0
    #: Tracks that are finished between kills at least: killed faster than it makes a track, nobody makes one.
    every_tracks: int = 3
    database_restarts: int = 2
    #: Seconds that the object store answers nobody, once, when half of the tracks are finished.
    store_away_s: float = 10.0
    #: Seconds until all must be finished.
    limit_s: float = 3600.0
    model: str = "composer"
    seed: int = 1


@dataclass(kw_only=True)
class Outcome:
    """What came of it."""

    took_s: float = 0.0
    #: Tracks that a client was told of; those in the database may be more, where an answer was cut off.
    accepted: int = 0
    stored: int = 0
    #: Requests that got no answer or 503, and were sent again.
    sent_again: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    database_restarts: int = 0
    store_absences: int = 0
    files: int = 0
    #: Runs that were begun for all tracks, more than one for those whose worker died.
    runs: int = 0
    #: Uploads that killed workers began; the bucket's own rule ends them.
    unfinished_uploads: int = 0
    #: What should not be, in sentences.
    problems: list[str] = field(default_factory=list)


class Part:
    """An API node or a worker, started again whenever it ends."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "app.cli", *arguments]
        self._environment = {**os.environ, **environment}
        self._log = (folder / f"{name}.log").open("ab")
        self.start()

    def start(self) -> None:
        """Start it."""
        self._begun_at = Path(self._log.name).stat().st_size
        self.process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._log
        )

    @property
    def is_up(self) -> bool:
        """Whether it has said that it works."""
        with Path(self._log.name).open("rb") as log:
            log.seek(self._begun_at)
            return b"Ctrl+C stops it" in log.read()

    def kill(self) -> None:
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Stop it for good."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self._log.close()


class Chaos:
    """One such run; no two parts share a folder, so all files go through the object store."""

    def __init__(self, cluster: Cluster, objects: S3Server, folder: Path, faults: Faults) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._cluster = cluster
        self._objects = objects
        self._bucket = objects.bucket()
        self._folder = folder
        self._faults = faults
        self._dice = random.Random(faults.seed)  # noqa: S311 - the same faults again
        self._address = cluster.database()
        self._database = self._address.split("/")[3].split("?")[0]
        self._outcome = Outcome()
        self._over = threading.Event()
        self._client = httpx.Client(timeout=30)
        TrackStore(self._address).migrate()
        for statement in AUDIT.split(";\n"):
            cluster.sql(statement, self._database)
        environment = {
            **objects.environment,
            "MUSIC_DATABASE_URL": self._address,
            "MUSIC_STORAGE_URL": f"s3://{self._bucket}/{PREFIX}",
            "MUSIC_HEARTBEAT": str(HEARTBEAT_S),
            "MUSIC_WORKERS": "1",
            "MUSIC_MAX_QUEUE": str(10 * faults.tracks),
            "MUSIC_LOG_LEVEL": "warning",
        }
        self._ports = [free_port() for _ in range(faults.nodes)]
        nodes = [
            self._part(f"node-{number}", ["serve", "--no-workers", "--port", str(port)], environment)
            for number, port in enumerate(self._ports)
        ]
        workers = [self._part(f"worker-{number}", ["worker"], environment) for number in range(faults.workers)]
        self._parts = nodes + workers

    def _part(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> Part:
        return Part(name, arguments, {**environment, "MUSIC_DATA_DIR": str(self._folder / name)}, self._folder)

    def run(self) -> Outcome:
        """Do it all, and look at what is left."""
        began = time.monotonic()
        breaking = threading.Thread(target=self._break_parts)
        try:
            self._wait_until_up()
            breaking.start()
            with ThreadPoolExecutor(CLIENTS) as clients:
                accepted = list(clients.map(self._post, range(self._faults.tracks)))
            self._outcome.accepted = len(set(accepted))
            self._wait_until_done(began + self._faults.limit_s, set(accepted))
        finally:
            self._over.set()
            if breaking.is_alive():
                breaking.join()
            self._outcome.took_s = time.monotonic() - began
            self._objects.thaw()
            self._check()
            for part in self._parts:
                part.end()
            self._client.close()
        return self._outcome

    # -- what is done to them -----------------------------------------------------------------------------------

    def _break_parts(self) -> None:
        restarts = [
            self._faults.tracks * (number + 1) // (self._faults.database_restarts + 1)
            for number in range(self._faults.database_restarts)
        ]
        absences = [self._faults.tracks // 2] if self._faults.store_away_s else []
        due = self._faults.every_tracks
        while not self._over.wait(self._faults.every_s):
            while self._finished() < due and not self._over.wait(POLL_S):
                pass
            if self._over.is_set():
                return
            if absences and self._finished() >= absences[0]:
                absences.pop()
                # It comes back by itself, while parts go on being killed.
                self._objects.freeze()
                self._outcome.store_absences += 1
                back = threading.Timer(self._faults.store_away_s, self._objects.thaw)
                back.daemon = True
                back.start()
            up = [part for part in self._parts if part.is_up]
            if not up:  # a busy machine starts them slower than they are killed
                continue
            part = self._dice.choice(up)
            part.kill()
            due = self._finished() + self._faults.every_tracks
            self._outcome.kills[part.name.partition("-")[0]] += 1
            if restarts and self._finished() >= restarts[0]:
                restarts.pop(0)
                self._cluster.stop("immediate" if len(restarts) % 2 else "fast")
                time.sleep(self._dice.uniform(0, AWAY_S))
                self._cluster.start()
                self._outcome.database_restarts += 1
            self._over.wait(self._dice.uniform(0, AWAY_S))
            part.start()

    # -- what clients do ----------------------------------------------------------------------------------------

    def _wait_until_up(self) -> None:
        for port in self._ports:
            while True:
                try:
                    if self._client.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.1)

    def _post(self, number: int) -> str:
        """Ask for a track until some node has accepted it: its id."""
        # New ones keep coming while parts are killed, as many as are finished.
        while not self._over.is_set() and number >= self._finished() + BACKLOG:
            time.sleep(POLL_S)
        body = {"prompt": f"calm piano number {number}", "duration": 5, "seed": number, "model": self._faults.model}
        while True:
            port = self._ports[number % len(self._ports)]
            try:
                answer = self._client.post(f"http://127.0.0.1:{port}/music/generate", json=body)
                if answer.status_code == 200:
                    return str(answer.json()["track_id"])
                if answer.status_code != 503:
                    self._outcome.problems.append(f"a request got {answer.status_code}: {answer.text[:200]}")
            except httpx.HTTPError:
                pass
            self._outcome.sent_again += 1
            time.sleep(POLL_S)

    def _finished(self) -> int:
        return int(self._ask("SELECT count(*) FROM tracks WHERE status <> 'processing'")[0][0])

    def _wait_until_done(self, by: float, accepted: set[str]) -> None:
        left = "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM procrastinate_jobs)"
        while self._finished() < len(accepted) or int(self._ask(left)[0][0]):
            if time.monotonic() > by:
                self._outcome.problems.append(f"not done within {self._faults.limit_s:g} s")
                return
            time.sleep(0.5)

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers, once it does."""
        import psycopg

        while True:
            try:
                return self._cluster.sql(statement, self._database)
            except psycopg.OperationalError:  # noqa: PERF203 - that is the point
                time.sleep(POLL_S)

    # -- what is left -------------------------------------------------------------------------------------------

    def _check(self) -> None:
        seen = self._outcome
        store = TrackStore(self._address)
        ids = [str(row[0]) for row in self._ask("SELECT id FROM tracks")]
        seen.stored = len(ids)
        if seen.stored < seen.accepted:
            seen.problems.append(f"{seen.accepted - seen.stored} accepted tracks are lost")
        ends = Counter(str(row[0]) for row in self._ask("SELECT track_id FROM ends WHERE status = 'completed'"))
        seen.runs = int(self._ask("SELECT coalesce(sum(runs), 0) FROM tracks")[0][0])
        objects = self._objects.store(self._bucket)
        kept: dict[str, set[str]] = {}
        for key in self._objects.keys(self._bucket):
            key = key.removeprefix(f"{PREFIX}/")
            kept.setdefault(key.split("/")[1], set()).add(key)
        for track_id in ids:
            track = store.get(track_id)
            if track is None or track.status != "completed":
                seen.problems.append(f"{track_id} is not completed: {track and (track.stage, track.error)}")
                continue
            if ends[track_id] != 1:
                seen.problems.append(f"{track_id} was completed {ends[track_id]} times")
            for file in track.files:
                seen.files += 1
                if sha256_of(objects, f"{PREFIX}/{file.key}") != file.sha256:
                    seen.problems.append(f"{file.key} is not what its record says")
            extra = kept.get(track_id, set()) - {file.key for file in track.files}
            if extra:
                seen.problems.append(f"{track_id} left {', '.join(sorted(extra))}")
        seen.problems += [f"{track_id} is nobody's and has files" for track_id in sorted(kept.keys() - set(ids))]
        if begun := self._objects.unfinished_uploads(self._bucket):
            seen.unfinished_uploads = begun
        store.close()


def sha256_of(objects: "S3Store", key: str) -> str | None:
    """Of an object, read without the code under test; None if it is not there."""
    try:
        return hashlib.sha256(obstore.get(objects, key).bytes()).hexdigest()
    except FileNotFoundError:
        return None
