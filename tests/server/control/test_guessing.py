"""Guessing the secret takes longer and longer, from any address."""

from __future__ import annotations

import asyncio

from proxy.sim.server import SimulatedGateway
from tests.clock import settled
from tests.hostile.raw import request, send

SECRET = "correct-horse-battery-staple"
FORM = "Content-Type: application/x-www-form-urlencoded"


def attempt(token: str) -> bytes:
    body = f"value=&token={token}".encode()
    return request("POST", "/control/reserve", FORM, f"Content-Length: {len(body)}", body=body)


async def guess(clock, port: int, source: str, token: str = "guess"):
    """Guess a token of control; return the reply and for how long it was held back."""
    return await held(clock, send(port, attempt(token), source))


async def held(clock, sending):
    """Let the time pass for which an answer is held back; return both."""
    started = clock.clock.monotonic()
    sending = asyncio.ensure_future(sending)
    await settled()
    while not sending.done():
        clock.advance(0.05)
        await settled()
    return await sending, clock.clock.monotonic() - started


async def test_wrong_tokens_are_answered_later_and_later_and_then_not_at_all(clock, start, sim, caplog):
    """Ten a minute at most; then 429 with the seconds to wait, even for the right token. The log says from where."""
    proxy = await start(sim, control_secret=SECRET)

    replies = [await guess(clock, proxy.port, "127.0.0.2") for _ in range(10)]
    assert [reply.status for reply, _ in replies] == [401] * 10
    least = [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]
    assert all(waited > held - 0.01 for (_, waited), held in zip(replies, least, strict=True))
    assert all(waited < 4 for _, waited in replies)
    assert {record.client for record in caplog.records if record.message == "wrong token"} == {"127.0.0.2"}

    refused = await send(proxy.port, attempt("guess"), "127.0.0.2")
    assert refused.status == 429
    assert b"\r\nRetry-After: " in refused.raw
    assert (await send(proxy.port, attempt(SECRET), "127.0.0.2")).status == 429


async def test_the_password_of_the_house_is_guessed_no_faster(clock, start, sim, caplog):
    """PW_LAN_PASSWORD opens readings only, but owners use one password for several things."""
    proxy = await start(sim, lan_password=SECRET)

    def log_in(password: str) -> bytes:
        body = f"password={password}".encode()
        return request("POST", "/api/login/Basic", FORM, f"Content-Length: {len(body)}", body=body)

    replies = [await held(clock, send(proxy.port, log_in("guess"), "127.0.0.2")) for _ in range(10)]

    assert [reply.status for reply, _ in replies] == [401] * 10
    assert replies[-1][1] > 1.99
    refused = await send(proxy.port, log_in(SECRET), "127.0.0.2")
    assert refused.status == 429
    assert b"\r\nRetry-After: " in refused.raw
    assert (await send(proxy.port, log_in(SECRET), "127.0.0.3")).status == 200
    assert {(it.realm, it.client) for it in caplog.records if it.message == "wrong token"} == {
        ("login", "127.0.0.2")
    }


async def test_the_owner_is_not_locked_out_by_another_client(clock, start, sim):
    """A right token from another address works all the time; the guesser's works a minute later."""
    proxy = await start(sim, control_secret=SECRET)
    for _ in range(10):
        await guess(clock, proxy.port, "127.0.0.2")

    assert (await send(proxy.port, attempt(SECRET), "127.0.0.3")).status == 200
    assert (await send(proxy.port, attempt(SECRET), "127.0.0.2")).status == 429
    clock.advance(60)
    assert (await send(proxy.port, attempt(SECRET), "127.0.0.2")).status == 200


async def test_guessing_in_parallel_gains_nothing(clock, start, sim):
    """Sixty guesses at once are ten guesses."""
    proxy = await start(sim, control_secret=SECRET)
    sending = [asyncio.ensure_future(send(proxy.port, attempt("guess"), "127.0.0.2")) for _ in range(60)]
    while not all(task.done() for task in sending):
        clock.advance(0.05)
        await settled()

    statuses = [task.result().status for task in sending]

    assert (statuses.count(401), statuses.count(429)) == (10, 50)
    assert (proxy.context.guard.wrong, proxy.context.guard.refused) == (10, 50)


async def test_forgetting_the_token_is_no_guess(start):
    """A client that sends none is answered at once, however often: a misconfigured script locks no one out."""
    async with SimulatedGateway() as sim:
        proxy = await start(sim, control_secret=SECRET)

        replies = [await send(proxy.port, attempt("")) for _ in range(30)]

        assert {reply.status for reply in replies} == {401}
        assert (await send(proxy.port, attempt(SECRET))).status == 200
