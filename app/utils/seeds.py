"""One seed, many dice: every random stream of a track comes from its seed and a name."""

import hashlib

import numpy as np

from app.utils.chance import random_bits

#: Largest seed; the largest whole number that JSON readers in JavaScript keep exactly.
MAX_SEED = 2**53 - 1


def new_seed() -> int:
    """A seed nobody can foresee, 0…2^53 − 1."""
    return random_bits(53)


def variation_seed(seed: int, number: int) -> int:
    """Seed of a variation, 0…2^53 − 1: the seed itself for number 0, the same others each time for 1, 2, 3.

    >>> variation_seed(7, 0), variation_seed(7, 1) == variation_seed(7, 1)
    (7, True)
    """
    if number == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/variation/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def rng_for(seed: int, *names: str) -> np.random.Generator:
    """The dice of one voice: the same for the same seed and names, independent of all other names.

    >>> bool(rng_for(7, "drums").integers(100) == rng_for(7, "drums").integers(100))
    True
    """
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
