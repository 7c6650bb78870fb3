"""Which model goes where: on devices and memory that need not exist."""

from app.services.jobs.placement import Join, Seat, Start, Wait, choose, over_budget

GB = 10**9


def seat(number, model="a", device="cuda:0", *, size=4, runs=0, room=4, used=0.0, leaving=False):
    return Seat(
        number=number, model=model, device=device, size_bytes=size * GB, runs=runs, room=room, used_at=used,
        leaving=leaving,
    )  # fmt: skip


def place(model, *seats, devices=("cuda:0",), budget=None, size=4, closed=()):
    budgets = {} if budget is None else dict.fromkeys(devices, budget * GB)
    return choose(model, size * GB, seats=seats, devices=devices, budgets=budgets, closed=set(closed))


def test_a_model_that_is_nowhere_is_loaded():
    assert place("a") == Start(device="cuda:0")


def test_a_loaded_model_is_joined():
    assert place("a", seat(1)) == Join(number=1)
    assert place("a", seat(1, runs=2, room=2)) == Join(number=1)


def test_a_model_whose_batches_are_full_is_waited_for():
    assert place("a", seat(1, runs=8, room=0)) == Wait()


def test_one_that_leaves_is_not_joined():
    assert place("a", seat(1, leaving=True)) == Start(device="cuda:0")
    assert place("a", seat(1, leaving=True), budget=6) == Wait(device="cuda:0")


def test_a_free_gpu_is_worth_a_second_copy():
    gpus = ("cuda:0", "cuda:1")
    assert place("a", seat(1, runs=1, room=3), devices=gpus) == Start(device="cuda:1")
    assert place("a", seat(1), devices=gpus) == Join(number=1)
    both = seat(1, runs=3, room=1), seat(2, device="cuda:1", runs=1, room=3)
    assert place("a", *both, devices=gpus) == Join(number=2)


def test_another_model_goes_to_the_free_gpu():
    gpus = ("cuda:0", "cuda:1")
    assert place("b", seat(1, runs=1), devices=gpus) == Start(device="cuda:1")


def test_a_gpu_at_work_takes_another_model_if_it_holds_both():
    busy = seat(1, runs=1)
    assert place("b", busy) == Start(device="cuda:0")
    assert place("b", busy, budget=8) == Start(device="cuda:0")
    assert place("b", busy, budget=7) == Wait(device="cuda:0")


def test_a_second_copy_sends_nobody_away_from_work():
    gpus = ("cuda:0", "cuda:1")
    here, other = seat(1, runs=1, room=3), seat(2, "b", "cuda:1", runs=1)
    assert place("a", here, other, devices=gpus) == Join(number=1)


def test_idle_models_make_room_the_least_recently_used_first():
    seats = seat(1, "b", used=3.0), seat(2, "c", used=1.0), seat(3, "d", used=2.0)
    assert place("a", *seats, budget=12) == Wait(device="cuda:0", evict=(2,))
    assert place("a", *seats, budget=12, size=8) == Wait(device="cuda:0", evict=(2, 3))


def test_nobody_is_sent_away_where_it_would_not_be_enough():
    assert place("a", seat(1, "b", runs=1, size=8), seat(2, "c"), budget=12, size=8) == Wait(device="cuda:0")


def test_those_who_leave_are_waited_for_and_no_others_sent_away():
    seats = seat(1, "b", leaving=True), seat(2, "c")
    assert place("a", *seats, budget=8) == Wait(device="cuda:0")


def test_a_model_larger_than_all_there_is_has_the_device_to_itself():
    assert place("a", size=20, budget=8) == Start(device="cuda:0")
    assert place("a", seat(1, "b"), size=20, budget=8) == Wait(device="cuda:0", evict=(1,))


def test_a_closed_device_takes_nothing():
    assert place("a", closed=["cuda:0"]) == Wait()
    assert place("a", seat(1), closed=["cuda:0"]) == Wait()
    assert place("a", closed=["cuda:0"], devices=("cuda:0", "cuda:1")) == Start(device="cuda:1")


def test_too_much_held_sends_idle_models_away_but_not_the_newest():
    seats = seat(1, used=1.0), seat(2, "b", used=2.0), seat(3, "c", used=3.0, size=20)
    assert over_budget(seats, {"cuda:0": 24 * GB}) == (1,)
    assert over_budget(seats, {"cuda:0": 8 * GB}) == (1, 2)
    assert over_budget(seats, {"cuda:0": 30 * GB}) == ()
    assert over_budget([seat(1, runs=1, used=1.0), seats[2]], {"cuda:0": 8 * GB}) == ()
    assert over_budget(seats, {}) == ()
