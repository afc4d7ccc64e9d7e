"""v1r when something is wrong: keys, signatures, passwords, answers."""

from __future__ import annotations

import gzip

import aiopowerwall.exceptions
import pytest
from tesla_protocol.energy_device import transport_pb2

from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    LoginRejected,
    NotSupported,
    RateLimited,
    SourceUnavailable,
    Unreachable,
)
from proxy.drivers.v1r.transport import parse_envelope, translated
from proxy.sim.tedapi.state import KeyState
from tests.clock import pass_time
from tests.drivers.houses import knows, link

SIGNED = "/tedapi/v1r"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (KeyState.REMOVED, "not registered"),
        (KeyState.INACTIVE, "not confirmed"),
        (KeyState.PENDING, "not verified"),
    ],
)
async def test_a_key_that_the_gateway_does_not_take_is_a_clear_state(wired, start, key, state, says):
    knows(wired, key, state)
    proxy = await start(wired, **key.settings())

    answers = [await proxy.get("/soe") for _ in range(5)]
    health = (await proxy.get("/health")).json()

    assert {answer.status for answer in answers} <= {502, 503}
    assert says in answers[0].json()["detail"]
    assert says in link(health, "v1r")["reason"]
    assert wired.logins == 1


async def test_a_key_is_taken_soon_after_it_was_confirmed(wired, start, key, clock):
    """However long that took: no client is locked out for a key."""
    knows(wired, key, KeyState.PENDING)
    proxy = await start(wired, **key.settings(tedapi_recovery=False))
    for _ in range(60):
        await pass_time(clock, proxy, 60)
        await proxy.get("/soe")

    knows(wired, key)
    await pass_time(clock, proxy, 140)

    assert (await proxy.get("/soe")).status == 200


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("WRONG_PERSONALIZATION", "another gateway"),
        ("TIME_EXPIRED", "clock"),
        ("INVALID_SIGNATURE", "signature"),
        ("BUSY", "busy"),
        ("KEYCHAIN_IS_FULL", "does not take the message"),
    ],
)
async def test_a_fault_of_a_signed_message_is_reported_in_words(wired, start, key, fault, says):
    wired.tedapi.fault = fault
    proxy = await start(wired, **key.settings())

    answer = await proxy.get("/soe")

    assert answer.status in {502, 503}
    assert says in answer.json()["detail"]
    assert fault in answer.json()["detail"]


@pytest.mark.parametrize("part", ["sender", "firmware"])
async def test_an_answer_of_another_gateway_is_not_taken(part):
    """The signature is ours; the reply says who made it."""
    reply = transport_pb2.MessageEnvelope()
    said_by = reply.sender if part == "sender" else reply.common.get_system_info_response
    said_by.din = "1707000-11-J--TG2"

    with pytest.raises(LoginRejected, match="another gateway"):
        parse_envelope("firmware", reply.SerializeToString(), "1707000-11-J--TG1")


async def test_what_is_compressed_twice_is_not_unpacked_twice(wired, start, key):
    """A megabyte can hold a gigabyte."""
    bomb = gzip.compress(gzip.compress(bytes(1024 * 1024)))
    wired.answers(status=200, body=bomb, path=SIGNED)
    proxy = await start(wired, **key.settings())

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert "compressed twice" in answer.json()["detail"]


async def test_a_wrong_password_is_tried_once(wired, start, key):
    proxy = await start(wired, **key.settings(gw_pwd="ABCDEFGHIX"))

    answers = [await proxy.get("/soe") for _ in range(5)]
    load = (await proxy.get("/stats")).json()["gateway"]

    assert {answer.status for answer in answers} <= {502, 503}
    assert wired.logins == load["logins"] == load["logins_refused"] == 1


async def test_a_key_file_that_is_gone_is_a_state_and_not_the_end(wired, start, key, tmp_path):
    proxy = await start(wired, **key.settings(rsa_key_path=str(tmp_path / "gone.pem")))

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert "cannot be read" in answer.json()["detail"]
    assert wired.requests == []


async def test_every_exception_of_the_library_has_a_name_of_ours():
    """A new one in a later version must not fall through unseen."""
    expected = {
        "PowerwallError": BadAnswer,
        "PowerwallConnectionError": Unreachable,
        "PowerwallAuthenticationError": LoginRejected,
        "PowerwallRateLimitError": RateLimited,
        "PowerwallProtocolError": BadAnswer,
        "PowerwallFaultError": SourceUnavailable,
        "PowerwallCommandError": CommandRejected,
        "PowerwallNotSupportedError": NotSupported,
    }
    arguments = {
        "PowerwallFaultError": ("MESSAGEFAULT_ERROR_BUSY",),
        "PowerwallCommandError": ("write", 3, "no"),
        "PowerwallNotSupportedError": ("write", 12, "no"),
    }
    classes = {
        name: kind
        for name, kind in vars(aiopowerwall.exceptions).items()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    }

    assert {
        name: type(translated(kind(*arguments.get(name, ("said",))))) for name, kind in classes.items()
    } == expected
    assert all(issubclass(kind, GatewayError) for kind in expected.values())
