"""What a disk may do to a history, and a ``kill -9``: at most the open minute is lost, and nothing else notices."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import AsyncExitStack, closing

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.core.zones import zone_of
from proxy.history.archive import Archive, Worker
from proxy.history.columns import PARTS
from proxy.history.folding import MINUTE_S, row_of
from proxy.history.writing import Batch
from tests.clock import EPOCH
from tests.disk import full
from tests.history.conftest import history, query
from tests.history.household import STEP_S

ZONE = zone_of("Europe/Berlin")
SECONDS = "from=1760000000&to=1760010000&step=60"


def test_a_process_that_is_killed_loses_the_open_minute_at_most(tmp_path):
    """
    A proxy is killed again and again while it records, wherever it is just then. The file is whole each
    time, and has every minute that was over.
    """
    recorded, seconds = set(), 0.0
    for steps in (7, 20, 33):
        times = live_until_killed(tmp_path, seconds, steps)
        seconds = times[-1] - EPOCH + 3
        read = [minute_of(at - 0.5) for at in times]
        recorded |= {minute for minute in read if minute + MINUTE_S + STEP_S <= times[-1]}

        assert query(tmp_path, "PRAGMA integrity_check") == [("ok",)]
        assert recorded <= {at for (at,) in query(tmp_path, "SELECT at FROM minute")}
    assert len(recorded) >= 10


def live_until_killed(folder, seconds, steps):
    """Let a household live, kill it after so many steps, and return the times that it reached."""
    argv = [sys.executable, "-m", "tests.history.household", str(folder), str(seconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        lines = [process.stdout.readline() for _ in range(steps)]
        process.kill()
        lines += [line for line in process.stdout if line.endswith(b"\n")]
    return [float(line) for line in lines]


def minute_of(at):
    return int(at // MINUTE_S) * MINUTE_S


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(tmp_path):
    """
    A process is killed in the middle of writing, without any notice. The file is whole, and has
    every batch whose writing had returned.
    """
    path = tmp_path / "history.db"
    code = f"""
import os, sys
from pathlib import Path
from proxy.history.database import Database
from proxy.core.zones import zone_of
from proxy.history.folding import row_of
from proxy.history.writing import Batch, write
db = Database(Path({str(path)!r}))
for minute in range(2000):
    db.use(lambda it: write(it, Batch(rows=[row_of(60 * minute, {{"load_power": minute}})]), zone_of("UTC")))
    os.write(1, b"%d\\n" % minute)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    written = -1
    for line in process.stdout:
        written = int(line)
        if written >= 60:
            process.kill()
            break
    process.wait()
    process.stdout.close()

    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert db.execute("SELECT count(*) FROM minute").fetchone()[0] >= written + 1
    assert db.execute("SELECT count(*) FROM quarter").fetchone()[0] >= 4
    db.close()


async def test_while_the_disk_is_full_everything_else_goes_on(recording, sim, live, caplog):
    """No minute is lost: they are written when there is room again. Two lines of the log say so."""
    caplog.set_level("INFO")
    proxy = await recording(sim)
    await live(2)
    with full():
        await live(5)
        during = await history(proxy, SECONDS)
        assert (await proxy.get("/aggregates")).status == 200
    await live(2)

    after = await history(proxy, SECONDS)
    assert len(during["at"]) >= 1
    assert after["at"] == list(range(after["at"][0], after["at"][-1] + 1, 60))
    assert len(after["at"]) >= 8
    assert [record.msg for record in caplog.records if record.msg.startswith("history")] == [
        "history not kept",
        "history kept again",
    ]


async def test_a_full_disk_costs_one_line_and_nothing_once_there_is_room(tmp_path, caplog):
    """Minutes that could not be written wait in memory, and are written with the next one."""
    caplog.set_level("INFO")
    worker = Worker()
    archive = Archive(tmp_path / "history.db", worker)
    minutes = [row_of(60 * number, dict.fromkeys(PARTS, 30_000 + number)) for number in range(200)]
    await archive.commit(Batch(rows=minutes[:1]), ZONE, 60)
    pages = await archive.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await archive.read(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    for minute in minutes[1:]:
        await archive.commit(Batch(rows=[minute]), ZONE, minute.at)
    assert archive.failures > 1
    await archive.read(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
    await archive.commit(Batch(rows=[row_of(12000, {})]), ZONE, 12000)

    assert await archive.read(lambda db: db.execute("SELECT count(*) FROM minute").fetchone()[0]) == 201
    assert [record.msg for record in caplog.records] == ["history not kept", "history kept again"]
    await archive.close()
    worker.close()


async def test_a_disk_that_hangs_does_not_delay_the_stop(sim, live, clock, tmp_path, caplog):
    """Another program holds the file: after a second the proxy ends without the last minute."""
    settings = settings_of(
        host=sim.address,
        password="password",
        bind_address="127.0.0.1",
        port=0,
        state_path=str(tmp_path),
    )
    app = build_app(settings, clock.clock)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening(app, settings))
        await live(1.5)
        with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            ending = asyncio.create_task(stack.aclose())
            passed_s = await _time_until(ending, clock)
            other.execute("ROLLBACK")

    assert passed_s < 5
    assert "history not finished" in [record.msg for record in caplog.records]


async def _time_until(task, clock) -> float:
    """Let time pass while a thread hangs, until a task is done; return how much."""
    passed_s = 0.0
    while not task.done():
        clock.advance(0.05)
        passed_s += 0.05
        for _ in range(50):
            await asyncio.sleep(0)
        assert passed_s < 10
    return passed_s
