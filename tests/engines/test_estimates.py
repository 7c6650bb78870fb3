"""Estimates: what a client is told before the work begins."""

import pytest

from app.services.engines.estimates import COMPLEX_WORDS, complexity, composing_time_s, simulated_time_s


def test_every_complex_word_counts_once():
    assert complexity(" ".join(COMPLEX_WORDS) + " jazz") == 5


@pytest.mark.parametrize("prompt", ["piano", "complex jazz"])
def test_composing_never_takes_less_for_more_music(prompt):
    times = [composing_time_s(duration, prompt, 0) for duration in range(5, 301)]

    assert times == sorted(times)


def test_composing_never_takes_less_for_a_more_complex_prompt():
    prompts = ["", "complex", "complex orchestral", "complex orchestral jazz"]

    times = [composing_time_s(60, prompt, 0) for prompt in prompts]

    assert times == sorted(times)
    assert times[0] < times[-1]


def test_the_simulator_stays_between_ten_seconds_and_two_minutes():
    times = [simulated_time_s(duration, "complex jazz", seed) for duration in (5, 60, 300) for seed in range(50)]

    assert min(times) == 10.0
    assert max(times) == 120.0


def test_the_simulator_keeps_the_published_range():
    for seed in range(200):
        time_s = simulated_time_s(60, "orchestral jazz", seed)

        assert 30 * 1.4 * 0.8 <= time_s <= 30 * 1.4 * 1.3


def test_the_simulator_gives_a_seed_its_time_again():
    assert simulated_time_s(60, "piano", 7) == simulated_time_s(60, "piano", 7)
    assert simulated_time_s(60, "piano", 7) != simulated_time_s(60, "piano", 8)
