"""Files of the gateway's web app with clients that leave, files that come too slowly, and conditional requests."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from proxy.sim.faults import Fault
from proxy.sim.web import FILES, LAST_MODIFIED
from tests.clock import pass_time, settled, until

SCRIPT = "/app.3f9c2b71.js"
STYLE = "/app.css"
GZIPPED = {"Content-Encoding": "gzip", "ETag": '"a"', "Cache-Control": "max-age=60"}


async def answered(task: asyncio.Task, clock, within_s: float) -> asyncio.Task:
    """Let time pass in small steps until a task is done; what is read meanwhile arrives."""
    for _ in range(int(within_s * 4)):
        if task.done():
            break
        clock.advance(0.25)
        await settled()
    assert task.done()
    return task


def fetch(proxy, path: str) -> asyncio.Task:
    return asyncio.create_task(proxy.get(path))


async def test_a_client_that_leaves_says_nothing_about_the_gateway(start, sim, clock):
    """A reset before the head of the file has come: readings go on, and the log says nothing of a lost gateway."""
    proxy = await start(sim, ui="gateway")
    await proxy.get("/soe")
    sim.faults.add(Fault(path=STYLE, delay_s=0.5))
    _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(f"GET {STYLE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until(lambda: sim.requests_for(STYLE) == 1)

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await until(lambda: len(proxy.context.limiter.active) == 1)
    clock.advance(0.5)
    await until(lambda: proxy.context.traffic.in_flight == 0)

    await pass_time(clock, proxy, 6)
    reading = await proxy.get("/soe")
    assert (reading.status, reading.headers["Age"]) == (200, "0")
    assert (await proxy.get("/health")).json()["status"] == "ok"


@pytest.mark.parametrize("pool", [0, 1, 2])
async def test_a_file_that_takes_a_minute_takes_no_reading_away(start, sim, clock, pool):
    """Files have connections of their own, also where PW_POOL_MAXSIZE leaves one or none for readings."""
    proxy = await start(sim, ui="gateway", pool_maxsize=pool)
    await proxy.get("/soe")
    sim.faults.add(Fault(path="/large.bin", action="trickle"))
    file = fetch(proxy, "/large.bin")
    await until(lambda: sim.requests_for("/large.bin") == 1)

    for _ in range(10):
        await pass_time(clock, proxy, 4)
        reading = await proxy.get("/soe")
        assert reading.status == 200
        assert int(reading.headers["Age"]) <= 5

    assert (await (await answered(file, clock, 60))).body == FILES["/large.bin"].body


async def test_a_file_that_drips_holds_up_no_other_and_is_given_up(start, sim, clock):
    """One byte a second: other files come meanwhile, and the connection is broken off in less than half a minute."""
    proxy = await start(sim, ui="gateway")
    sim.faults.add(Fault(path="/large.bin", action="drip"))
    dripping = fetch(proxy, "/large.bin")
    await until(lambda: sim.requests_for("/large.bin") == 1)

    assert (await proxy.get(SCRIPT)).status == 200

    await answered(dripping, clock, 30)
    assert dripping.exception() is not None
    assert (await proxy.get("/health")).json()["gateways"][0]["links"][0]["state"] == "closed"


async def test_files_that_drip_give_way_to_others(start, sim, clock):
    """As many as are fetched at once: the next file comes when they are given up."""
    proxy = await start(sim, ui="gateway")
    slow = ["/large.bin", "/app.js", "/favicon.svg"]
    for path in slow:
        sim.faults.add(Fault(path=path, action="drip"))
    dripping = [fetch(proxy, path) for path in slow]
    await until(lambda: all(sim.requests_for(path) == 1 for path in slow))
    other = fetch(proxy, SCRIPT)

    assert (await (await answered(other, clock, 30))).status in {200, 503}
    for task in dripping:
        await answered(task, clock, 30)
        assert task.exception() is not None
    assert (await proxy.get(SCRIPT)).status == 200


@pytest.mark.parametrize("path", ["/", SCRIPT, "/app.js", STYLE, "/large.bin"])
@pytest.mark.parametrize(
    "condition",
    [
        lambda headers: {"If-None-Match": headers["ETag"]},
        lambda headers: {"If-None-Match": f'"other", W/{headers["ETag"]}'},
        lambda headers: {"If-Modified-Since": headers["Last-Modified"]},
        lambda headers: {
            "If-None-Match": headers["ETag"],
            "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
        },
    ],
    ids=["tag", "tags", "date", "tag and an old date"],
)
async def test_a_file_that_the_client_has_is_not_sent_again(start, sim, path, condition):
    """RFC 9110 section 13.1: kept or not, a validator of the answer gives 304, with the same validators."""
    proxy = await start(sim, ui="gateway")
    first = await proxy.get(path)

    again = await proxy.get(path, headers=condition(first.headers))

    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == first.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "condition",
    [
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": "Wed, 15 Dec 2021 14:13:25 GMT"},
        {"If-Modified-Since": "yesterday"},
        {"If-None-Match": '"other"', "If-Modified-Since": LAST_MODIFIED},
    ],
    ids=["another tag", "an older date", "no date", "another tag and the date"],
)
async def test_a_file_that_the_client_does_not_have_is_sent(start, sim, condition):
    """A tag goes before a date, and a date that is none before nothing."""
    proxy = await start(sim, ui="gateway")
    await proxy.get(STYLE)

    answer = await proxy.get(STYLE, headers=condition)

    assert (answer.status, answer.body) == (200, FILES[STYLE].body)


async def test_each_form_of_a_file_has_a_tag_of_its_own(start, sim):
    """The gateway gives one strong tag to both; a cache would take one form for the other (RFC 9110 section 8.8.3.3)."""
    proxy = await start(sim, ui="gateway")
    packed, plain = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}
    handle = sim.faults.add(Fault(path=STYLE, status=200, body="packed", headers=GZIPPED))
    compressed = await proxy.get(STYLE, headers=packed)
    handle.remove()
    sim.faults.add(
        Fault(path=STYLE, status=200, body="plain", headers={**GZIPPED, "Content-Encoding": "identity"})
    )
    whole = await proxy.get(STYLE, headers=plain)

    assert (whole.headers["ETag"], compressed.headers["ETag"]) == ('"a"', '"a-gz"')
    assert whole.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    of_the_other = await proxy.get(STYLE, headers={**packed, "If-None-Match": '"a"'})
    of_its_own = await proxy.get(STYLE, headers={**packed, "If-None-Match": '"a-gz"'})
    assert (of_the_other.status, of_its_own.status) == (200, 304)


async def test_a_part_is_sent_only_when_it_is_surely_of_the_same_file(start, sim):
    """If-Range is not passed on: the whole file is always right (RFC 9110 section 13.1.5)."""
    proxy = await start(sim, ui="gateway")

    answer = await proxy.get(STYLE, headers={"Range": "bytes=0-3", "If-Range": '"other"'})

    assert (answer.status, answer.body) == (200, FILES[STYLE].body)
    assert not any("Range" in record.headers for record in sim.requests if record.path == STYLE)
