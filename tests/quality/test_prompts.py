"""The benchmark's prompts ask for what can be asked, and its statistics are right."""

import pytest

from app.services.planning import members_of, refused_by
from app.services.styles import style_names
from benchmarks.quality.__main__ import main
from benchmarks.quality.figures import auc, ranks, share
from benchmarks.quality.prompts import prompts, some


def test_there_are_sixty_prompts_and_more_in_seven_languages():
    rows = prompts()

    assert len(rows) >= 60
    assert {row.language for row in rows} == {"en", "es", "pt", "fr", "de", "it", "ja"}
    assert len({row.text for row in rows}) == len(rows)


@pytest.mark.parametrize("prompt", prompts(), ids=lambda prompt: prompt.id)
def test_what_a_prompt_asks_for_exists(prompt):
    assert all(members_of(word) for word in prompt.instruments)
    assert all(word == "drums" or refused_by(word) for word in prompt.refused)
    assert set(prompt.styles) <= set(style_names())


@pytest.mark.parametrize("prompt", [row for row in prompts() if row.of], ids=lambda prompt: prompt.id)
def test_a_translation_asks_for_what_its_original_asks_for(prompt):
    original = next(row for row in prompts() if row.id == prompt.of)
    apart = {"id", "text", "language", "of"}

    assert prompt.model_dump(exclude=apart) == original.model_dump(exclude=apart)
    assert prompt.language != original.language


def test_some_prompts_are_spread_over_the_table_and_bring_their_originals():
    chosen = some(10)

    assert 10 <= len(chosen) <= 20
    assert chosen[0] == prompts()[0]
    assert any(row.of for row in chosen)
    assert {row.of for row in chosen if row.of} <= {row.id for row in chosen}
    assert some(10_000) == prompts()


@pytest.mark.parametrize(
    ("positive", "negative", "value"), [([2, 3], [0, 1], 1.0), ([0], [1], 0.0), ([1], [1], 0.5), ([1, 3], [2], 0.5)]
)
def test_auc_counts_pairs(positive, negative, value):
    assert auc(positive, negative) == value


def test_nothing_is_said_of_empty_groups():
    assert auc([], [1.0]) is None
    assert share([]) is None


def test_ranks_share_places():
    assert ranks([3, 1, 2, 2]).tolist() == [1.0, 0.0, 0.5, 0.5]


def test_what_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.quality.__main__.NEEDED", ("json", "no_such_ear"))

    assert main(["--quick"]) == 2
    assert "no_such_ear missing: pip install -r requirements/quality.txt" in capsys.readouterr().err
