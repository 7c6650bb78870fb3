"""A message waits no longer because the clock was wrong when its wait was reckoned."""

from datetime import timedelta

import pytest

from tests.hooks.test_telling import post, receive  # noqa: F401 - fixtures

pytestmark = pytest.mark.security


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=3_650)])
def test_a_message_written_by_a_clock_far_ahead_is_told_once_it_is_set_right(post, ahead):  # noqa: F811
    here = post(200)
    right = here.clock.now()
    here.clock.moment = right + ahead
    name = here.happen()

    here.clock.moment = right
    assert here.look() == 1
    assert here.message(name).state == "delivered"


def test_one_that_a_machine_with_a_wrong_clock_had_begun_is_taken_over(post):  # noqa: F811
    from app.services.storage.hooks import claim_due

    here = post(200)
    right = here.clock.now()
    here.happen()
    with here.store.transaction() as changes:
        assert len(claim_due(changes.connection, right + timedelta(days=9), busy_s=60, limit=5)) == 1

    assert here.look() == 1


def test_an_ordinary_wait_is_waited_for(post):  # noqa: F811
    here = post(500, 200)
    name = here.happen()
    assert here.look() == 1

    assert here.look() == 0
    here.clock.moment = here.message(name).next_at
    assert here.look() == 1
    assert here.message(name).state == "delivered"
