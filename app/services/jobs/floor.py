"""Floor: what the dispatcher's thread works with.

Rule: no other thread touches it, but to look into `memory` and `renders` and to ask `line.position`.
"""

from dataclasses import dataclass, field

from app.models.track import Track
from app.services.jobs.engine_floor import EngineFloor
from app.services.jobs.estimates import WorkEstimates
from app.services.jobs.janitor import Janitor
from app.services.jobs.ledger import Ledger
from app.services.jobs.line import WaitingLine, Work
from app.services.jobs.memory import TrackMemory
from app.services.jobs.removals import Removals
from app.services.metering import NoTally, Tally
from app.services.storage.folders import WorkFolders
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock


@dataclass(kw_only=True)
class Floor:
    """The things that foreman, desk and sweeper share."""

    clock: Clock
    store: TrackStore
    folders: WorkFolders
    memory: TrackMemory
    ledger: Ledger
    janitor: Janitor
    removals: Removals
    engines: EngineFloor
    tally: Tally = field(default_factory=NoTally)
    line: WaitingLine = field(default_factory=WaitingLine)
    estimates: WorkEstimates = field(default_factory=WorkEstimates)
    #: Renders that wait, run or are held back, by track.
    renders: dict[str, Work] = field(default_factory=dict)
    #: Forms in the making, by track and form.
    encodes: dict[tuple[str, str], Work] = field(default_factory=dict)
    #: Finished tracks, until that is written.
    unwritten: dict[str, Track] = field(default_factory=dict)

    def forget(self, work: Work) -> None:
        """Nothing more is to be done for it."""
        self.drop_take(work)
        if work.kind == "render":
            self.renders.pop(work.track.id, None)
        else:
            self.encodes.pop((work.track.id, work.form or ""), None)

    def drop_take(self, work: Work) -> None:
        """Remove the take that its model made, if there is one."""
        take, work.take = work.take, None
        if take is not None:
            self.janitor.clear(take.name)

    def show(self, track: Track) -> None:
        """Let a finished track be seen; it is written."""
        self.unwritten.pop(track.id, None)
        self.memory.keep(track)
