"""The models to choose from, and how each stands on this machine."""

from fastapi import APIRouter

from app.models.api import ModelList, ModelRecord
from app.models.group import Standing
from app.routers.bodies import JsonRoute
from app.routers.dependencies import Service, ServiceComparisons
from app.routers.problems import answers
from app.services.offering import OfferedModel, offered_models

router = APIRouter(prefix="/music", tags=["music"], route_class=JsonRoute)


@router.get("/models", responses=answers(503), summary="Models to choose from")
async def models(service: Service, comparisons: ServiceComparisons) -> ModelList:
    """Send a `name` as `model` with `POST /music/generate`. One that is not ready says which command helps."""
    standings = await comparisons.standings()
    return ModelList(
        models=[_record(model, standings.get(model.row.name, Standing())) for model in await offered_models(service)]
    )


def _record(model: OfferedModel, standing: Standing) -> ModelRecord:
    row, can = model.row, model.row.capabilities
    return ModelRecord(
        name=row.name,
        description=row.description,
        default=model.default,
        longest_s=can.longest_s,
        seed=can.seed,
        notes=can.notes,
        streams=can.streams,
        remote=can.remote,
        compared=standing.compared,
        wins=standing.wins,
        commercial_use=can.commercial_use,
        code_licence=can.code_licence,
        weights_licence=can.weights_licence,
        engine=row.engine,
        state=model.readiness.state,
        lacks=model.readiness.lacks or None,
        command=model.readiness.command,
        window_s=can.window_s,
        sample_rate=can.sample_rate,
        channels=can.channels,
        batch=can.batch,
        audio_prompt=sorted(can.audio_prompt),
        fine_tune=can.fine_tune,
        wants_gpu=can.wants_gpu,
        memory_bytes=model.memory_bytes,
        speed=model.speed,
    )
