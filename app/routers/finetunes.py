"""Fine-tunes: files in, a model of your own out."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import JSONResponse

from app.models.finetune import Finetune
from app.models.sent import SentFile
from app.models.taught import FinetuneList, FinetuneRecord, SkippedRecord
from app.models.track import Status
from app.routers.dependencies import Audit, BaseUrl, FinetuneId, ServiceFinetunes
from app.routers.problems import answers

router = APIRouter(prefix="/music/finetunes", tags=["finetunes"])

Files = Annotated[
    list[UploadFile],
    File(
        description="1 to 500 MIDI files, or ZIP files of such; 500 MIDI files in all are read. For MusicGen "
        "recordings, with a `metadata.jsonl` of captions.",
        examples=[["one.mid", "two.mid"]],
    ),
]
Name = Annotated[
    str,
    Form(
        min_length=1,
        max_length=40,
        description="What to call it: a-z, 0-9 and `-`. The model is then called `composer:NAME`.",
        examples=["my-band"],
    ),
]
Base = Annotated[
    str,
    Form(
        min_length=1,
        max_length=100,
        description="Model to teach: one whose `fine_tune` is true in `GET /music/models`.",
        examples=["composer"],
    ),
]
Style = Annotated[
    str | None,
    Form(
        max_length=100,
        description="Packaged style that lends what files do not say, the form, the feel and the sound; left out it is "
        "the one that is least unlike the files.",
        examples=["folk"],
    ),
]
Strength = Annotated[
    float,
    Form(ge=0, le=1, description="How much the files count: 1 is theirs alone, 0 the base style's.", examples=[0.8]),
]
Seed = Annotated[
    int | None, Form(ge=0, le=2**53 - 1, description="Dice of the learning; left out they are drawn.", examples=[7])
]
Steps = Annotated[
    int | None,
    Form(
        ge=1, le=20_000, description="Steps of training, for a model that is trained; 500 if left out.", examples=[500]
    ),
]
Shared = Annotated[
    bool, Form(description="Whether other API keys may make music with it, where the server asks for keys.",
               examples=[False]),
]  # fmt: skip
Limit = Annotated[int, Query(ge=1, le=100, description="Fine-tunes on a page.", examples=[20])]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before.", examples=["MjAyNi0wOC0yNw"])
]
Filter = Annotated[Status | None, Query(description="Only fine-tunes of this status.", examples=["completed"])]


@router.post(
    "",
    response_model=FinetuneRecord,
    responses={
        200: {"headers": {"Location": {"description": "Where to follow it", "schema": {"type": "string"}}}},
        **answers(400, 403, 409, 413, 422, 503),
    },
    summary="Teach a model",
)
async def teach(
    finetunes: ServiceFinetunes,
    base_url: BaseUrl,
    name: Name,
    files: Files,
    base: Base = "composer",
    style: Style = None,
    strength: Strength = 0.8,
    seed: Seed = None,
    steps: Steps = None,
    shared: Shared = False,
) -> JSONResponse:
    """The composer learns from MIDI files how your music goes, and makes more like it: it copies no melody.

    MusicGen is trained on recordings with captions: it gets an adapter, and remains as it is beside it.

    The answer comes at once; follow it at `Location`. The files are removed as soon as they are learned from.
    """
    sent = [SentFile(name=file.filename or "", content=file.file) for file in files]
    finetune = await finetunes.ask(
        name, sent, base=base, style=style, strength=strength, seed=seed, steps=steps, shared=shared
    )
    location = f"{base_url}/music/finetunes/{finetune.id}"
    return JSONResponse(_record(finetune).model_dump(mode="json"), headers={"Location": location})


@router.get("", responses=answers(422, 503), summary="List fine-tunes")
async def list_finetunes(
    finetunes: ServiceFinetunes, status: Filter = None, limit: Limit = 20, cursor: Cursor = None
) -> FinetuneList:
    """Newest first, a page at a time."""
    found, following = await finetunes.page(status=status, cursor=cursor, limit=limit)
    return FinetuneList(finetunes=[_record(one) for one in found], next_cursor=following)


@router.get("/{finetune_id:anything}", responses=answers(404, 503), summary="Follow a fine-tune")
async def follow_finetune(finetune_id: FinetuneId, finetunes: ServiceFinetunes) -> FinetuneRecord:
    """How far it is; at the end, what was learned and which files were left out."""
    return _record(await finetunes.get(finetune_id))


@router.post("/{finetune_id:anything}/cancel", responses=answers(404, 409, 503), summary="Stop work on a fine-tune")
async def cancel_finetune(finetune_id: FinetuneId, finetunes: ServiceFinetunes) -> FinetuneRecord:
    """It fails with the stage `cancelled`. Doing it twice is doing it once; a finished one answers 409."""
    return _record(await finetunes.cancel(finetune_id))


@router.delete("/{finetune_id:anything}", status_code=204, responses=answers(404, 503), summary="Remove a fine-tune")
async def remove_finetune(finetune_id: FinetuneId, finetunes: ServiceFinetunes, audit: Audit) -> None:
    """The model goes with it; tracks that it made stay, without the forms that would have to be played again."""
    await finetunes.delete(finetune_id)
    await audit("finetune.deleted", finetune_id)


def _record(finetune: Finetune) -> FinetuneRecord:
    return FinetuneRecord(
        finetune_id=finetune.id,
        name=finetune.name,
        model=finetune.model,
        base=finetune.base,
        status=finetune.status,
        stage=finetune.stage,
        progress=finetune.progress,
        strength=finetune.strength,
        style=finetune.style,
        shared=finetune.shared,
        seed=finetune.seed,
        steps=finetune.steps,
        files=list(finetune.files),
        skipped=[SkippedRecord(file=file.file, reason=file.reason) for file in finetune.skipped],
        learned=finetune.learned,
        created_at=finetune.created_at,
        started_at=finetune.started_at,
        finished_at=finetune.finished_at,
        error=finetune.error,
    )
