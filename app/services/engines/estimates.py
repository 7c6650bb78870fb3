"""How long engines take, before they begin."""

import random

#: Words that make a piece larger work; from the published simulator that clients were built against.
COMPLEX_WORDS = ("complex", "orchestral", "symphony", "jazz", "experimental")


def complexity(prompt: str) -> int:
    """How many of the words that ask for more music a prompt holds.

    >>> complexity("Complex orchestral jazz")
    3
    """
    lowered = prompt.lower()
    return sum(word in lowered for word in COMPLEX_WORDS)


def composing_time_s(duration_s: int, prompt: str, _seed: int) -> float:
    """Seconds that the composer takes on a warm worker of an ordinary laptop, by measurement."""
    return 0.5 + duration_s * 0.03 * (1.0 + 0.1 * complexity(prompt))


def modelled_time_s(duration_s: int, _prompt: str, _seed: int) -> float:
    """Seconds that a neural model is thought to take before its pace was measured here: its loading, and real time."""
    return 30.0 + duration_s


def asked_time_s(duration_s: int, _prompt: str, _seed: int) -> float:
    """Seconds that a service elsewhere is thought to take before its pace was measured."""
    return 20.0 + duration_s / 3


def simulated_time_s(duration_s: int, prompt: str, seed: int) -> float:
    """Seconds that the simulator takes: the published formula, held between 10 and 120.

    Half a second for each second of music, a fifth more for each complex word, times 0.8…1.3 at random.
    """
    luck = random.Random(f"{seed}/pace").uniform(0.8, 1.3)  # noqa: S311 - a pace, not a secret
    return min(120.0, max(10.0, 0.5 * duration_s * (1.0 + 0.2 * complexity(prompt)) * luck))
