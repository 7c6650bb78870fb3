"""Where messages may go: to public addresses, and to what was checked."""

import ipaddress

import pytest

from app.errors import AddressRefused, InvalidField
from app.services.hooks import Addresses

pytestmark = pytest.mark.security

INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",  # noqa: S104
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "203.0.113.5", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1",
    "2001:db8::1",
]  # fmt: skip
OUTSIDE = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"]


def answers(*numbers):
    """A resolver that gives these, whatever it is asked."""
    asked = []

    def resolve(host, port, **_):
        asked.append(host)
        return [(None, None, None, "", (number, port)) for number in numbers]

    resolve.asked = asked
    return resolve


def bracketed(number):
    return f"[{number}]" if ":" in number else number


@pytest.mark.parametrize("number", INSIDE)
def test_nothing_inside_is_called(number):
    addresses = Addresses(resolve=answers(number))

    with pytest.raises(InvalidField, match="public"):
        addresses.check(f"http://{bracketed(number)}/")
    with pytest.raises(AddressRefused, match="inside"):
        addresses.target(f"https://{bracketed(number)}/hook")
    with pytest.raises(AddressRefused, match="inside"):
        addresses.target("https://innocent.example.org/hook")


@pytest.mark.parametrize("number", OUTSIDE)
def test_what_is_public_is_called(number):
    addresses = Addresses(resolve=answers(number))

    addresses.check(f"https://{bracketed(number)}/")
    assert addresses.target("https://example.org/hook?a=b").address == number


def test_one_bad_address_among_good_ones_is_enough():
    with pytest.raises(AddressRefused, match="inside"):
        Addresses(resolve=answers("8.8.8.8", "127.0.0.1")).target("https://example.org/")


@pytest.mark.parametrize(
    "host", ["0x7f.1", "2130706433", "017700000001", "127.1", "0", "localhost", "localhost.", "LOCALHOST"]
)
def test_numbers_written_otherwise_are_seen_through(host):
    """The machine's own resolver reads them, and what it says is checked."""
    with pytest.raises((AddressRefused, InvalidField)):
        Addresses().target(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "//example.org", "example.org/hook",
        "https://", "https:///x", "https://user:secret@example.org/", "https://user@example.org/",
        "https://example.org:0/", "https://example.org:99999/", "https://exa mple.org/", "https://example.org/\r\nX: y",
        "https://example.org\\@evil.test/", "https://[::1", "https://ex\u00e4mple.org/", "javascript:alert(1)",
        "https://example.org/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_at_the_door(url):
    with pytest.raises(InvalidField):
        Addresses().check(url)
    with pytest.raises(AddressRefused):
        Addresses(resolve=answers("8.8.8.8")).target(url)


def test_a_name_is_resolved_once_and_what_was_checked_is_what_is_used():
    resolve = answers("8.8.8.8")

    target = Addresses(resolve=resolve).target("https://Rebinding.example.org/hook")

    assert resolve.asked == ["rebinding.example.org"]
    assert (target.address, target.host, target.port) == ("8.8.8.8", "rebinding.example.org", 443)


def test_a_name_that_is_none_is_refused():
    def fails(*_, **__):
        raise OSError

    with pytest.raises(AddressRefused, match="resolved"):
        Addresses(resolve=fails).target("https://example.org/")
    with pytest.raises(AddressRefused):
        Addresses(resolve=answers()).target("https://example.org/")


def test_an_owner_may_allow_a_network():
    addresses = Addresses(["10.1.0.0/16", "::1"], resolve=answers("10.1.2.3"))

    assert addresses.target("http://build.internal/").address == "10.1.2.3"
    addresses.check("http://[::1]/")
    addresses.check("http://[::ffff:10.1.0.1]/")
    with pytest.raises(InvalidField):
        addresses.check("http://10.2.0.1/")


def test_no_private_network_that_python_knows_is_public():
    for network in ipaddress._IPv4Constants._private_networks + ipaddress._IPv6Constants._private_networks:
        with pytest.raises(InvalidField):
            Addresses().check(f"http://{bracketed(str(network.network_address + (network.num_addresses > 1)))}/")
