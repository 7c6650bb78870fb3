"""Settings: the only reader of the environment and of `.env`."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: The folder of this checkout, in which `run.py` makes environments.
HOME = Path(__file__).resolve().parent.parent


#: Kinds of address of an audio store, each with an example.
STORES = {"file": "file:///srv/audio", "s3": "s3://bucket/prefix", "gs": "gs://bucket", "az": "az://container"}


class Settings(BaseSettings):
    """What a server owner can set; each field is the environment variable `MUSIC_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="MUSIC_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(Path("data"), description="Folder of everything that is kept: database and audio files.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL that many machines share: `postgresql://…`; default: a file in the data folder."
    )
    storage_url: str | None = Field(
        None, description="Where audio files are kept: `s3://bucket/prefix`, `gs://…`, `az://…`, `file://…`; default: "
        "`audio` in the data folder.",
    )  # fmt: skip
    download_redirect: bool = Field(
        False, description="Whether downloads are sent on to signed addresses of the object store."
    )
    heartbeat: float = Field(
        10.0, ge=0.2, le=600, description="Seconds between signs of life of a worker on PostgreSQL; three missed, and "
        "others do its work.",
    )  # fmt: skip
    model: str = Field("composer", description="Engine used when a request names none.")
    model_paths: str = Field(
        "",
        description="Checkpoints of yours, comma-separated: `NAME=FAMILY:FOLDER`, as in `mine=riffusion:/models/mine`.",
    )
    licence_policy: Literal["any", "commercial"] = Field(
        "any", description="Whether models are refused whose weights forbid commercial use."
    )
    soundfont: Path | None = Field(
        None, description="SF2 or SF3 file to play; else the system's, else the one that comes with pretty_midi."
    )
    workers: int = Field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        ge=0, le=64, description="Worker processes; default: one a core, four at most. `0`: only others make music.",
    )  # fmt: skip
    device: str = Field("auto", description="Where models run: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.")
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Type in which models on PyTorch compute; `auto` is 16 bits on CUDA, else `float32`."
    )
    preload: str = Field("", description="Models to load at the start, comma-separated; they stay while there is room.")
    model_idle: str = Field("15m", description="Time without work after which a model is unloaded; `0` for never.")
    model_memory: str | None = Field(
        None, description="Memory that models may fill on a device before the least recently used goes: `8GB`; "
        "default: three quarters of it.",
    )  # fmt: skip
    gemini_api_key: SecretStr | None = Field(None, description="Key of Google's Gemini API, for Lyria.")
    gemini_url: str | None = Field(None, description="Address of the Gemini API, where it is not Google's own.")
    batch_max: int = Field(4, ge=1, le=64, description="Tracks that a model makes at once, if it can.")
    batch_wait_ms: int = Field(
        50, ge=0, le=10_000, description="Milliseconds that a track waits for others to be made with it by a model."
    )
    retry_bad_takes: bool = Field(
        True, description="Whether a model's take that sounds bad is tried once more, if no seed was named."
    )
    render_threads: int = Field(2, ge=1, le=16, description="Threads a render may use.")
    max_queue: int = Field(1_000, ge=1, description="Waiting tracks before new ones are refused with 503.")
    job_timeout: float = Field(600.0, gt=0, description="Seconds a run may take before it is ended and tried again.")
    retention: str = Field("7d", description="Age at which tracks are removed: `7d`, `12h`, `30m`, `0` for never.")
    storage_limit: str = Field("10GB", description="Space for audio files before the oldest go: `500MB`, `10GB`.")
    upload_limit: str = Field(
        "100MB", description="Size of what may be sent at once, to learn from or as a clip: `20MB`, `1GB`."
    )
    drain: float = Field(
        2.0, ge=0, validation_alias=AliasChoices("MUSIC_DRAIN", "MUSIC_DRAIN_S"),
        description="Seconds that a stopping server lets running work finish; `MUSIC_DRAIN_S` means the same.",
    )  # fmt: skip
    public_url: str | None = Field(None, description="Address of the service as clients see it, for download links.")
    trusted_proxies: str = Field("", description="Proxies whose X-Forwarded-* headers count, comma-separated.")
    auth: Literal["off", "keys"] = Field("off", description="Whether clients need an API key.")
    link_life: str = Field("1h", description="Time for which links to files open without a key: `1h`, `15m`.")
    limit_requests: str = Field("", description="Requests of one key, or of one address without keys: `60/minute`.")
    limit_address: str = Field("", description="Requests of one address, with a key or without: `600/minute`.")
    limit_tracks: int = Field(0, ge=0, description="Tracks of one key in work at once; `0` for any number.")
    limit_music: int = Field(0, ge=0, description="Seconds of music a day for a key, or an address; `0` for any.")
    limit_storage: str = Field("", description="Space for the files of one key: `500MB`; nothing for any.")
    allowed_hosts: str = Field("", description="Names that it answers to, comma-separated: `music.example.org`.")
    security_headers: bool = Field(False, description="Whether answers forbid framing, sniffing and foreign scripts.")
    max_connections: int = Field(0, ge=0, description="Connections at once before others get 503; `0` for any number.")
    body_timeout: float = Field(0.0, ge=0, description="Seconds that a request's body may take; `0` for any time.")
    header_timeout: float = Field(
        30.0,
        ge=0,
        description="Seconds that a connection may take until a request's headers are whole; `0` for any time.",
    )
    reader_timeout: float = Field(
        0.0, ge=0, description="Seconds that one who reads may take nothing before it is cut off; `0` for any time."
    )
    webhooks: bool = Field(False, description="Whether requests may name an address to call when music is finished.")
    webhook_allow: str = Field("", description="Networks inside that may be called, comma-separated: `10.1.0.0/16`.")
    cors_origins: str = Field("*", description="Origins that browsers may call from, comma-separated.")
    metrics: Literal["on", "off"] = Field(
        "on", description="Whether `GET /metrics` tells Prometheus how the service does."
    )
    traces: str | None = Field(
        None, description="Collector of OpenTelemetry traces: `http://collector:4318/v1/traces`."
    )
    worker_metrics_port: int | None = Field(
        None, ge=1, le=65_535, description="Port on which a worker on PostgreSQL tells Prometheus how it does."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    log_format: Literal["console", "json"] = Field("console", description="How logs are written.")

    @field_validator("workers")
    @classmethod
    def _somebody_works(cls, value: int, info: ValidationInfo) -> int:
        if value == 0 and not info.data.get("database_url"):
            raise ValueError("at least 1 is needed, unless MUSIC_DATABASE_URL lets others do the work")
        return value

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", value):
            raise ValueError(f"a device is one of auto, cpu, cuda, cuda:0, cuda:1 …, mps; got {value!r}")
        return value

    @field_validator("model_memory")
    @classmethod
    def _known_memory(cls, value: str | None) -> str | None:
        if value is not None:
            parse_size_bytes(value)
        return value

    @field_validator("model_paths")
    @classmethod
    def _known_folders(cls, value: str) -> str:
        parse_model_paths(value)
        return value

    @field_validator("retention", "model_idle", "link_life")
    @classmethod
    def _known_age(cls, value: str) -> str:
        parse_age_s(value)
        return value

    @field_validator("limit_requests", "limit_address")
    @classmethod
    def _known_rate(cls, value: str) -> str:
        if value and not re.fullmatch(r"[1-9]\d{0,8} ?/ ?(second|minute|hour|day)", value):
            raise ValueError(f"a rate is a number, a stroke, and second, minute, hour or day; got {value!r}")
        return value

    @field_validator("webhook_allow")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        for network in filter(None, (part.strip() for part in value.split(","))):
            ipaddress.ip_network(network)
        return value

    @field_validator("limit_storage")
    @classmethod
    def _known_space(cls, value: str) -> str:
        if value:
            parse_size_bytes(value)
        return value

    @field_validator("storage_limit")
    @classmethod
    def _known_size(cls, value: str) -> str:
        parse_size_bytes(value)
        return value

    @field_validator("storage_url")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        parts = urlsplit(value.strip())
        named = parts.path.strip("/") if parts.scheme == "file" else parts.netloc
        if parts.scheme not in STORES or not named or "@" in parts.netloc:
            raise ValueError(f"a place for files is one of {', '.join(STORES.values())}; got {value!r}")
        return value.strip().rstrip("/")

    @property
    def server(self) -> str | None:
        """Address of the PostgreSQL that many machines share, password included; None on one machine."""
        return None if self.database_url is None else self.database_url.get_secret_value().strip() or None

    @property
    def retention_s(self) -> float:
        """Age in seconds at which tracks are removed; infinity for never."""
        return parse_age_s(self.retention)

    @property
    def model_idle_s(self) -> float:
        """Seconds without work after which a model is unloaded; infinity for never."""
        return parse_age_s(self.model_idle)

    @property
    def model_memory_bytes(self) -> int | None:
        """Bytes that models may fill on a device; None for a share of what it has."""
        return None if self.model_memory is None else parse_size_bytes(self.model_memory)

    @property
    def model_folders(self) -> dict[str, tuple[str, Path]]:
        """Family and folder of the owner's checkpoints, by name."""
        return parse_model_paths(self.model_paths)

    @property
    def link_life_s(self) -> float:
        """Seconds for which signed links open; a year for what never ends."""
        return min(parse_age_s(self.link_life), 365 * 86_400.0)

    @property
    def limit_storage_bytes(self) -> int:
        """Bytes for the files of one key; 0 for any number."""
        return parse_size_bytes(self.limit_storage) if self.limit_storage else 0

    @property
    def has_limits(self) -> bool:
        """Whether anything is limited by client."""
        limits = (self.limit_requests, self.limit_address, self.limit_tracks, self.limit_music, self.limit_storage)
        return any(limits)

    @property
    def preloaded(self) -> tuple[str, ...]:
        """Names of the models to load at the start."""
        return tuple(dict.fromkeys(name.strip() for name in self.preload.split(",") if name.strip()))

    @property
    def upload_limit_bytes(self) -> int:
        """Size of an upload in bytes."""
        return parse_size_bytes(self.upload_limit)

    @property
    def storage_limit_bytes(self) -> int:
        """Space for audio files in bytes."""
        return parse_size_bytes(self.storage_limit)


def hub_cache() -> Path:
    """Folder in which the Hugging Face libraries keep what was fetched: theirs to say, in the same variables."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(hub)).expanduser()


def parse_model_paths(text: str) -> dict[str, tuple[str, Path]]:
    """Family and folder by name, from `NAME=FAMILY:FOLDER`, comma-separated.

    >>> parse_model_paths("mine=riffusion:models/mine")["mine"][0]
    'riffusion'
    """
    found: dict[str, tuple[str, Path]] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([a-z0-9][a-z0-9._-]{0,63})=([a-z0-9._-]+):(.+)", entry)
        if match is None:
            raise ValueError(
                f"a checkpoint is NAME=FAMILY:FOLDER, its name of a-z, 0-9, '.', '_' and '-'; got {entry!r}"
            )
        name, family, folder = match.groups()
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = (family, Path(folder).expanduser())
    return found


def parse_age_s(text: str) -> float:
    """Seconds in `7d`, `12h`, `30m`, `45s` or a bare number of seconds; `0` is infinity.

    >>> parse_age_s("2h")
    7200.0
    """
    units = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
    number, unit = (text[:-1], units[text[-1:]]) if text[-1:] in units else (text, 1.0)
    try:
        age_s = float(number) * unit
    except ValueError:
        raise ValueError(f"an age is a number and one of d, h, m, s; got {text!r}") from None
    if not age_s >= 0:
        raise ValueError(f"an age is 0 or more; got {text!r}")
    return age_s or float("inf")


def parse_size_bytes(text: str) -> int:
    """Bytes in `500MB`, `10GB`, `1TB` or a bare number of bytes (powers of 1,000).

    >>> parse_size_bytes("10GB")
    10000000000
    """
    units = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}
    upper = text.strip().upper()
    unit = next((name for name in units if upper.endswith(name)), "")
    try:
        size = float(upper.removesuffix(unit)) * units.get(unit, 1)
    except ValueError:
        raise ValueError(f"a size is a number and one of KB, MB, GB, TB; got {text!r}") from None
    if not 0 < size < float("inf"):
        raise ValueError(f"a size is above 0; got {text!r}")
    return int(size)
