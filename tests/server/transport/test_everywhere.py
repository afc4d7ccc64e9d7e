"""The fast path over TLS and on every event loop: its answers are the same there, and it does answer."""

import pytest

from tests.server.transport.clients import NOT_PLAIN, PLAIN, head

ONE = head("GET /soe HTTP/1.1", "Host: localhost")

pytestmark = pytest.mark.each_loop


@pytest.mark.parametrize("client", PLAIN)
async def test_a_plain_request_is_answered_the_same_without_aiohttp(each_pair, client):
    await each_pair.ask_meanwhile(PLAIN[client])

    fast, slow = await each_pair.ask_meanwhile(PLAIN[client])

    assert fast == slow
    assert fast.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK"))
    assert each_pair.answers.by_head[PLAIN[client]].hits == 1


@pytest.mark.parametrize("other", NOT_PLAIN)
async def test_a_plain_request_after_another_one(each_pair, other):
    """Whatever went over the connection before, in one piece or in two."""
    await each_pair.ask_meanwhile(ONE)
    middle = len(NOT_PLAIN[other]) // 2

    whole = await each_pair.ask_meanwhile(ONE, NOT_PLAIN[other], ONE, PLAIN["Chrome"])
    halves = await each_pair.ask_meanwhile(NOT_PLAIN[other][:middle], NOT_PLAIN[other][middle:], ONE)

    assert len(set(whole)) == len(set(halves)) == 1
    assert whole[0].startswith(b"HTTP/1.1 200 OK")


async def test_a_request_in_pieces(each_pair):
    await each_pair.ask_meanwhile(ONE)

    for cut in range(1, len(ONE), 7):
        fast, slow = await each_pair.ask_meanwhile(ONE, ONE[:cut], ONE[cut:], ONE)

        assert fast == slow
        assert fast.count(b"HTTP/1.1 200 OK") == 3
