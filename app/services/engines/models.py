"""Models: the catalogue as one service has it, with the owner's checkpoints, keys and folders. Picklable."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from app.errors import GenerationFailed, InvalidField, LicenceRefused, ModelNotReady, SettingRefused, printable
from app.models.clip import ClipUse
from app.services.engines.base import Capabilities, ModelSource
from app.services.engines.catalogue import CATALOGUE
from app.services.engines.readiness import Readiness, environment_of, python_of, readiness_of
from app.services.engines.rows import ModelRow, Weights
from app.services.engines.weights import folder_of
from app.services.styles import TUNED_NAME, tuned_names, tuned_style

#: How the names of models begin that were taught from files.
_TUNED = "composer:"

#: File that an adapter's folder has once it is whole.
_WHOLE = "base.json"

#: Licences that the owner accepts.
LicencePolicy = Literal["any", "commercial"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalCheckpoint:
    """A checkpoint in a folder of the owner's, under a name of its own."""

    name: str
    #: The engine that opens it, or a model of the catalogue that it is like.
    family: str
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """Which models there are, where their things lie, and what they lack."""

    #: Folder of the Hugging Face cache; None where nothing was ever fetched.
    hub: Path | None = None
    #: Folder that holds the environments `.venv-ENGINE`; None where there are none.
    home: Path | None = None
    local: tuple[LocalCheckpoint, ...] = ()
    #: "auto", "cpu", "cuda", "cuda:1", "mps".
    device: str = "auto"
    licence_policy: LicencePolicy = "any"
    #: Keys of remote services by the setting that holds them.
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Addresses of remote services by engine, where they are not the public ones.
    addresses: Mapping[str, str] = field(default_factory=dict)
    #: Folder of the styles that the composer learned; None where there are none.
    tuned: Path | None = None
    #: Folder of the adapters that models learned, MODEL/NAME; None where there are none.
    adapters: Path | None = None

    def __post_init__(self) -> None:
        taken = set(CATALOGUE)
        for checkpoint in self.local:
            if checkpoint.name in taken:
                raise SettingRefused(f"MUSIC_MODEL_PATHS: {checkpoint.name} is a model already; take another name")
            taken.add(checkpoint.name)
            _likened(checkpoint)

    def rows(self) -> list[ModelRow]:
        """Every model, in the order that clients see."""
        tuned = [] if self.tuned is None else tuned_names(self.tuned)
        return [
            *CATALOGUE.values(),
            *(_local_row(checkpoint) for checkpoint in self.local),
            *(_tuned_row(name) for name in tuned),
            *self._adapted_rows(),
        ]

    def _adapted_rows(self) -> list[ModelRow]:
        found = [] if self.adapters is None else sorted(self.adapters.glob(f"*/*/{_WHOLE}"))
        names = [f"{path.parent.parent.name}:{path.parent.name}" for path in found]
        return [_adapted_row(base, name) for name in names if (base := self._plain_row(lives_with(name))) is not None]

    def _plain_row(self, name: str) -> ModelRow | None:
        return CATALOGUE.get(name) or next((_local_row(one) for one in self.local if one.name == name), None)

    def row(self, name: str) -> ModelRow:
        """The row of a model; `InvalidField` naming those there are if the name is unknown."""
        row = self._plain_row(name)
        if row is None and self.style_of(name) is not None:
            row = _tuned_row(name.removeprefix(_TUNED))
        if row is None and self.adapter_of(name) is not None:
            base = self._plain_row(lives_with(name))
            row = None if base is None else _adapted_row(base, name)
        if row is None:
            known = ", ".join(row.name for row in self.rows())
            raise InvalidField("model", f"unknown model {printable(name)!r}; available: {known}")
        return row

    def style_of(self, name: str) -> str | None:
        """Name of the style that a model plans with whatever the words say; None of one that chooses by them."""
        if self.tuned is None or not name.startswith(_TUNED):
            return None
        return tuned_style(self.tuned, name.removeprefix(_TUNED))

    def adapter_of(self, name: str) -> Path | None:
        """Folder of the adapter that a model plays with; None of one that plays without."""
        base, _, tuned = name.partition(":")
        if self.adapters is None or not TUNED_NAME.fullmatch(tuned) or self._plain_row(base) is None:
            return None
        folder = self.adapters / base / tuned
        return folder if (folder / _WHOLE).is_file() else None

    def adapter_for(self, name: str) -> Path | None:
        """`adapter_of` a track's model; `GenerationFailed` where it went since the track was asked for."""
        adapter = self.adapter_of(name)
        if adapter is None and ":" in name:
            raise _removed(name)
        return adapter

    def style_for(self, name: str) -> str | None:
        """`style_of` a track's model; `GenerationFailed` where it went since the track was asked for."""
        style = self.style_of(name)
        if style is None and ":" in name:
            raise _removed(name)
        return style

    def teachable(self, name: str) -> ModelRow:
        """The row of a model that can be taught; `InvalidField` naming those there are."""
        row = self._plain_row(name)
        if row is None or not row.capabilities.fine_tune:
            known = ", ".join(row.name for row in self.rows() if row.capabilities.fine_tune)
            raise InvalidField("base", f"{printable(name)!r} cannot be taught; those that can: {known}")
        return row

    def check_audio_prompt(self, row: ModelRow, use: ClipUse) -> None:
        """`InvalidField` naming those that can unless a model can do that with a clip."""
        if use not in row.capabilities.audio_prompt:
            able = ", ".join(other.name for other in self.rows() if use in other.capabilities.audio_prompt)
            what = "go on from a clip" if use == "continue" else "follow the melody of a clip"
            raise InvalidField("audio_prompt", f"{row.name} cannot {what}; models that can: {able}", inside=("use",))

    def capabilities_of(self, name: str) -> Capabilities | None:
        """What a model can do; None of one that this service does not know (any more)."""
        try:
            return self.row(name).capabilities
        except InvalidField:
            return None

    def source(self, row: ModelRow, *, soundfont: Path | None = None) -> ModelSource:
        """Where the engine of a row finds what it plays from."""
        return ModelSource(
            name=row.name,
            folder=None if row.weights is None else folder_of(row.weights, self.hub),
            soundfont=soundfont,
            python=python_of(environment_of(row.engine, self.home)) if row.own_environment and self.home else None,
            api_key=None if row.key_setting is None else self.keys.get(row.key_setting),
            base_url=self.addresses.get(row.engine),
        )

    def readiness(self, row: ModelRow) -> Readiness:
        """Whether a model can work here, and what is to be done where it can't. Reads the disk."""
        if self._forbids(row):
            return Readiness(
                state="forbidden", lacks=_not_commercial(row), command="MUSIC_LICENCE_POLICY=any python3 run.py"
            )
        key = "" if row.key_setting is None else self.keys.get(row.key_setting, "")
        return readiness_of(row, hub=self.hub, home=self.home, device=self.device, key=key)

    def check(self, row: ModelRow) -> None:
        """`ModelNotReady` with the command that helps, or `LicenceRefused`, unless it can work. Reads the disk."""
        self.check_licence(row)
        readiness = self.readiness(row)
        if readiness.state != "ready":
            raise ModelNotReady(f"{row.name} cannot be used yet: {readiness.lacks}. Run: {readiness.command}")

    def check_licence(self, row: ModelRow) -> None:
        """`LicenceRefused` unless the owner's policy takes the model's weights."""
        if self._forbids(row):
            raise LicenceRefused(f"MUSIC_LICENCE_POLICY is commercial: {_not_commercial(row)}")

    def _forbids(self, row: ModelRow) -> bool:
        return self.licence_policy == "commercial" and not row.capabilities.commercial_use


def _not_commercial(row: ModelRow) -> str:
    licence = row.capabilities.weights_licence
    return f"this server takes only weights that allow commercial use; those of {row.name} do not ({licence})"


def lives_with(name: str) -> str:
    """The model whose process makes a model's takes: itself, or the one that it was taught on.

    >>> lives_with("musicgen-small:my-band"), lives_with("musicgen-small")
    ('musicgen-small', 'musicgen-small')
    """
    return name.partition(":")[0]


def _removed(name: str) -> GenerationFailed:
    return GenerationFailed(f"The model {printable(name)} was removed before this track was made")


def _adapted_row(base: ModelRow, name: str) -> ModelRow:
    return replace(
        base,
        name=name,
        description=f"{base.name} with what it was taught by the fine-tune “{name.partition(':')[2]}”.",
        capabilities=replace(base.capabilities, fine_tune=False),
    )


def _tuned_row(name: str) -> ModelRow:
    composer = CATALOGUE["composer"]
    return replace(
        composer,
        name=f"{_TUNED}{name}",
        description=f"The composer as it was taught by the files of the fine-tune “{name}”.",
        capabilities=replace(composer.capabilities, fine_tune=False),
    )


def _local_row(checkpoint: LocalCheckpoint) -> ModelRow:
    like = _likened(checkpoint)
    assert like.weights is not None  # noqa: S101 - _likened takes no other
    return replace(
        like,
        name=checkpoint.name,
        description=f"A checkpoint of the server owner's, like {like.name}.",
        weights=Weights(
            repository=None,
            layout=like.weights.layout,
            required=like.weights.required,
            folder=checkpoint.folder,
        ),
        memory_bytes=0,
    )


def _likened(checkpoint: LocalCheckpoint) -> ModelRow:
    """The model of the catalogue that a local checkpoint is like. `SettingRefused`."""
    with_weights = [row for row in CATALOGUE.values() if row.weights is not None]
    for row in with_weights:
        if checkpoint.family in (row.name, row.engine):
            return row
    families = ", ".join(dict.fromkeys(row.engine for row in with_weights)) or "none"
    raise SettingRefused(
        f"MUSIC_MODEL_PATHS: {printable(checkpoint.family)!r} is no family of models; there are {families}"
    )
