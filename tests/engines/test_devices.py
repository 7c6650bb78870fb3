"""Devices as a framework sees them; the frameworks are fakes, for no machine of ours has a GPU."""

from types import SimpleNamespace

import pytest

from app.services.engines import devices
from app.services.engines.devices import Devices, devices_seen, settled_device


def torch_with(gpus=0, mps=False):
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: gpus > 0,
            device_count=lambda: gpus,
            get_device_properties=lambda number: SimpleNamespace(total_memory=24_000_000_000 + number),
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )


@pytest.mark.parametrize(
    ("torch", "names"),
    [
        (None, ("cpu",)),
        (torch_with(), ("cpu",)),
        (torch_with(gpus=2), ("cuda:0", "cuda:1")),
        (torch_with(mps=True), ("mps",)),
    ],
)
def test_all_gpus_are_seen_or_else_the_cpu(monkeypatch, torch, names):
    monkeypatch.setitem(devices.sys.modules, "torch", torch)
    seen = devices_seen()

    assert seen.names == names
    assert seen.memory_bytes == 24_000_000_000 if names[0] == "cuda:0" else seen.memory_bytes > 10**8


def test_where_the_machine_does_not_tell_its_memory_nobody_knows_it(monkeypatch):
    def unknown(_name):
        raise ValueError

    monkeypatch.setattr(devices.os, "sysconf", unknown)

    assert devices_seen().memory_bytes == 0


@pytest.mark.parametrize(
    ("asked", "names", "device"),
    [
        ("auto", ("cpu",), "cpu"),
        ("auto", ("cuda:0", "cuda:1"), "cuda:0"),
        ("cuda", ("cuda:0", "cuda:1"), "cuda:0"),
        ("cuda", ("cpu",), "cuda"),
        ("cuda:1", ("cuda:0", "cuda:1"), "cuda:1"),
        ("cpu", ("cuda:0",), "cpu"),
        ("auto", ("mps",), "mps"),
    ],
)
def test_a_name_means_a_device(asked, names, device):
    assert settled_device(asked, Devices(names=names, memory_bytes=0)) == device
