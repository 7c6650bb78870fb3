"""What a service can say of its models: the catalogue, what each lacks, what it holds, how fast it was here."""

import asyncio
from dataclasses import dataclass

from app.services.engines import ModelRow, Readiness
from app.services.generator import Backend, MusicGeneratorService, usable


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedModel:
    """A model as it stands now."""

    row: ModelRow
    readiness: Readiness
    #: Whether it is used where a request names none.
    default: bool
    #: Bytes that it holds or held last, else what it is thought to need; None where nobody knows.
    memory_bytes: int | None
    #: Seconds of music made in a second of work on this machine; None until a track was finished.
    speed: float | None


async def offered_models(service: MusicGeneratorService) -> list[OfferedModel]:
    """Every model, in the order of the catalogue. `StorageFailed`."""
    backend = await service.backend()
    return await asyncio.to_thread(_offered, backend)  # it reads the disk


def _offered(backend: Backend) -> list[OfferedModel]:
    backend.finetuner.bring()
    known = backend.queue.loaded()
    speeds = backend.store.speeds()
    offered = []
    for row in backend.models.rows():
        if not usable(backend, row.name):
            continue
        readiness = backend.models.readiness(row)
        seen = known.get(row.name)
        if seen is not None and seen.state == "loaded" and readiness.state == "ready":
            readiness = Readiness(state="loaded")
        held = row.memory_bytes if seen is None or not seen.memory_bytes else seen.memory_bytes
        offered.append(
            OfferedModel(
                row=row,
                readiness=readiness,
                default=row.name == backend.default_model,
                memory_bytes=held or None,
                speed=speeds.get(row.name) if seen is None or seen.speed is None else round(seen.speed, 3),
            )
        )
    return offered
