"""Requests as the pipeline makes them, for engines tried on their own."""

import numpy as np

from app.services.engines.base import TakeRequest
from app.services.planning import make_plan, read


class Asked:
    """A request that remembers what it was told."""

    def __init__(
        self, prompt="calm jazz with piano", *, seconds=5, seed=7, loop=False, cancel_at=2.0, seed_named=False,
        adapter=None,
    ):  # fmt: skip
        brief = read(prompt)
        plan = make_plan(brief, duration_s=seconds, seed=seed, soundfont_sha256=None)
        self.told = []
        self.request = TakeRequest(
            plan=plan.model_copy(update={"loop": loop}),
            prompt=prompt,
            description=prompt,
            seed_named=seed_named,
            adapter=adapter,
            progress=self._hear,
            cancelled=lambda: bool(self.told) and self.told[-1][1] >= cancel_at,
        )

    def _hear(self, stage, fraction):
        self.told.append((stage, fraction))


def takes(engine, *asked):
    return engine.generate([one.request for one in asked])


def samples_of(take):
    return np.concatenate([block.mix for block in take.blocks])


def assert_moves(told):
    """Progress that starts low, never falls, moves in many small steps and comes to the end."""
    fractions = [fraction for _stage, fraction in told]
    assert {stage for stage, _fraction in told} == {"rendering"}
    assert fractions == sorted(fractions)
    assert fractions[0] <= 0.1
    assert fractions[-1] == 1.0
    assert len(set(fractions)) >= 4
