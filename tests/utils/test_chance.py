"""Chance from the operating system, handed out in pieces."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.utils.chance import random_bits, random_token


def test_no_token_is_handed_out_twice():
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: random_token(), range(5_000)))

    assert len(set(tokens)) == 5_000
    assert {len(token) for token in tokens} == {16}


def test_bits_fill_their_range():
    numbers = [random_bits(53) for _ in range(2_000)]

    assert max(numbers) < 2**53
    assert min(numbers) < 2**48
    assert max(numbers) > 2**53 - 2**48


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_hands_out_others():
    random_token()  # now some are left over
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, random_token().encode())
        os._exit(0)
    os.wait()

    assert os.read(reader, 16).decode() != random_token()
