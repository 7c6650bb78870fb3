"""Settings: from the environment and `.env`, checked at the door."""

import pytest
from pydantic import ValidationError

from app.config import Settings, parse_age_s, parse_size_bytes


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No `.env` but the test's own."""
    monkeypatch.chdir(tmp_path)


def test_a_variable_of_the_environment_outranks_the_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("MUSIC_MODEL=simulator\nMUSIC_MAX_QUEUE=5\n")
    monkeypatch.setenv("MUSIC_MAX_QUEUE", "7")

    settings = Settings(_env_file=".env")

    assert settings.model == "simulator"
    assert settings.max_queue == 7


@pytest.mark.parametrize("name", ["MUSIC_DRAIN", "MUSIC_DRAIN_S"])
def test_the_time_to_drain_has_two_names(name, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(f"{name}=7\n")
    assert Settings(_env_file=".env").drain == 7

    monkeypatch.setenv(name, "9")
    monkeypatch.setenv("DRAIN", "1")  # is somebody else's

    assert Settings(_env_file=".env").drain == 9
    assert Settings(drain=3).drain == 3


@pytest.mark.parametrize(("text", "seconds"), [("7d", 604_800), ("12h", 43_200), ("30m", 1_800), ("45s", 45), ("9", 9)])
def test_ages_are_read_with_their_unit(text, seconds):
    assert parse_age_s(text) == seconds
    assert Settings(retention=text).retention_s == seconds


def test_an_age_of_nothing_means_for_ever():
    assert parse_age_s("0") == float("inf")


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500 * 10**6), ("10GB", 10**10), ("1tb", 10**12), ("1.5 kB", 1_500), ("12", 12)]
)
def test_sizes_are_read_with_their_unit(text, size):
    assert parse_size_bytes(text) == size
    assert Settings(storage_limit=text).storage_limit_bytes == size


@pytest.mark.parametrize(
    "wrong",
    [
        {"retention": "a week"}, {"retention": "-1d"}, {"retention": "nan"}, {"storage_limit": "much"},
        {"storage_limit": "0"}, {"storage_limit": "inf"}, {"workers": 0}, {"max_queue": 0}, {"job_timeout": 0},
        {"log_level": "loud"}, {"device": "gpu"}, {"device": "cuda:"}, {"model_idle": "soon"}, {"model_memory": "lots"},
        {"batch_max": 0}, {"batch_wait_ms": -1},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)


def test_models_run_where_and_for_as_long_as_the_owner_says():
    plain = Settings()
    assert (plain.device, plain.preloaded, plain.model_idle_s, plain.model_memory_bytes) == ("auto", (), 900, None)

    own = Settings(device="cuda:1", preload="a, b,,a", model_idle="0", model_memory="8GB")
    assert (own.device, own.preloaded) == ("cuda:1", ("a", "b"))
    assert (own.model_idle_s, own.model_memory_bytes) == (float("inf"), 8 * 10**9)
