import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import DTypeLike
from scipy.signal import butter, lfilter, sosfilt, sosfilt_zi

from app.services.dsp import recursion
from app.services.dsp.recursion import filter_direct, filter_sections
from tests.dsp.sounds import noise
from tests.processes import unfollowed

LOADED = "the extension modules alone", "the whole package"


@pytest.fixture(params=LOADED)
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise ImportError(name)

    if request.param == LOADED[1]:
        section_loop, direct_loop = recursion._loops(nowhere)
        monkeypatch.setattr(recursion, "_section_loop", section_loop)
        monkeypatch.setattr(recursion, "_direct_loop", direct_loop)


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sections_filter_in_place_bit_for_bit_as_scipy_does(kind: DTypeLike) -> None:
    sections = butter(5, [200, 4_000], "bandpass", fs=44_100, output="sos").astype(kind)
    rows = np.ascontiguousarray(noise(0.5, level=0.3, seed=3).T, kind)
    state = np.repeat(sosfilt_zi(sections)[np.newaxis].astype(kind), 2, axis=0)
    expected, after = sosfilt(sections, rows, axis=-1, zi=state.transpose(1, 0, 2))

    filter_sections(sections, rows, state)

    assert np.array_equal(rows, expected)
    assert np.array_equal(state, after.transpose(1, 0, 2))


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_direct_filter_goes_on_bit_for_bit_as_scipys_does(kind: DTypeLike) -> None:
    b, a = butter(3, 800, fs=44_100)
    samples = noise(0.2, level=0.3, seed=4)[:, 0].astype(kind)
    expected, after = lfilter(b, a, samples, zi=np.zeros(3))

    first, state = filter_direct(b, a, samples[:1_000])
    second, state = filter_direct(b, a, samples[1_000:], state)

    assert np.array_equal(np.concatenate((first, second)), expected)
    assert np.array_equal(state, after)


def test_where_scipy_keeps_them_elsewhere_the_package_is_used() -> None:
    with pytest.raises(ImportError, match="no _somewhere in "):
        recursion._extension("_somewhere")


def test_a_worker_does_without_the_rest_of_scipy_signal() -> None:
    program = "import sys, app.services.pipeline; print('scipy.signal' in sys.modules, 'scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=unfollowed(), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
