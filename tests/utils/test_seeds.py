"""Dice: one seed, many independent streams."""

from app.utils.seeds import MAX_SEED, new_seed, rng_for


def test_a_name_gives_the_same_dice_again():
    assert rng_for(7, "drums", "A").random(5).tolist() == rng_for(7, "drums", "A").random(5).tolist()


def test_names_and_seeds_have_dice_of_their_own():
    streams = [rng_for(7, "drums"), rng_for(7, "bass"), rng_for(8, "drums"), rng_for(7, "drums", "A")]

    assert len({stream.integers(2**62) for stream in streams}) == 4


def test_new_seeds_fit_into_a_javascript_number_and_differ():
    seeds = {new_seed() for _ in range(100)}

    assert len(seeds) == 100
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    assert float(MAX_SEED) == MAX_SEED
