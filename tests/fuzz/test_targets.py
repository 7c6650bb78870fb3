"""Our own parsers take anything: a fixed small corpus here, `python run_tests.py fuzz` and `nightly` for long."""

import pytest

from tests.fuzz.__main__ import FOUND
from tests.fuzz.targets import TARGETS, mutants

pytestmark = [pytest.mark.security, pytest.mark.uncounted]


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_refuses_what_it_cannot_read_and_keeps_its_promises_of_the_rest(name):
    target = TARGETS[name]

    for content in [*target.seeds(), b"", *mutants(target, target.few, seed=7)]:
        target.try_it(content)


@pytest.mark.parametrize(
    "path", sorted(path for path in FOUND.glob("*/*") if path.is_file()), ids=lambda path: path.name
)
def test_what_was_found_once_is_mended(path):
    TARGETS[path.parent.name].try_it(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_fixed_and_is_no_copy_of_its_seeds(name):
    target = TARGETS[name]
    drawn = mutants(target, 50, seed=1)

    assert drawn == mutants(target, 50, seed=1)
    assert len(set(drawn) - set(target.seeds())) > 35
