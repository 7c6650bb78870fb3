"""The seed of a piece's own dice: the plan's seed, and what kind of piece it is."""

from app.models.plan import Plan
from app.utils.seeds import MAX_SEED, rng_for


def piece_seed(plan: Plan) -> int:
    """A seed for all dice of composing: other styles and other moods are other pieces, even under one seed.

    Players, form, tempo and whatever else a plan says do not touch it, so that an edit of one thing leaves the others.
    """
    return int(rng_for(plan.seed, "piece", plan.style, f"{plan.valence:.2f}").integers(MAX_SEED + 1))
