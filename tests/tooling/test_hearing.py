"""The measurement of the first sound reads what a client sees, and nothing else."""

import pytest

from benchmarks import hearing
from benchmarks.hearing import STEPS, Heard, _in_order, _late_s, median_shares_s


def test_each_step_takes_what_lies_between_it_and_the_one_before():
    seen = _in_order({"accepted": 0.01, "composing": 0.03, "rendering": 0.10, "preview": 0.25, "heard": 0.3})
    one = Heard(seen_s=seen, whole_s=1.0, late_s=0.0)

    assert list(one.shares_s) == list(STEPS.values())
    # Nobody saw its planning begin.
    assert list(one.shares_s.values()) == pytest.approx([0.01, 0.02, 0.0, 0.07, 0.15, 0.05])
    assert sum(median_shares_s([one]).values()) == pytest.approx(0.3)


def test_what_is_seen_after_its_successor_was_there_by_then():
    seen = _in_order({"accepted": 0.01, "rendering": 0.2, "preview": 0.5, "heard": 0.4})

    assert seen["preview"] == 0.4
    assert list(seen.values()) == sorted(seen.values(), reverse=True)


def test_a_piece_is_late_if_all_before_it_was_played():
    assert _late_s([(1.0, 10), (1.5, 10), (2.0, 20)], 4) == 0.0
    assert _late_s([(1.0, 10), (4.0, 10), (4.5, 20)], 4) == pytest.approx(2.0)


def test_the_table_has_a_row_for_each_length(monkeypatch):
    seen = {step: 0.1 * number for number, step in enumerate(STEPS, 1)}
    monkeypatch.setattr(
        hearing, "hear", lambda _client, _prompt, length_s, _seed: Heard(seen_s=seen, whole_s=1, late_s=length_s - 15)
    )

    heads, _, *rows = hearing.rows(None, [15, 300])

    assert all(what in heads for what in STEPS.values())
    assert [row.split(" | ")[0] for row in rows] == ["| 15 s", "| 300 s"]
    assert [row.split(" | ")[-1] for row in rows] == ["never |", "285.00 s |"]
    assert {row.count("|") for row in rows} == {heads.count("|")}
