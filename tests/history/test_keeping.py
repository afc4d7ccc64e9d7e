"""What survives restarts, kill -9, full disks and damage; and how much room it takes."""

import asyncio
import os
import sqlite3
import sys
import threading
from datetime import UTC, datetime

import pytest

from proxy.core.zones import zone_of
from proxy.history.archive import Archive, Worker
from proxy.history.columns import BY_NAME, PARTS
from proxy.history.folding import row_of
from proxy.history.reading import Span, series
from proxy.history.recorder import Recorder
from proxy.history.writing import Batch, thin, used_bytes, write
from tests.history.conftest import history

ZONE = zone_of("Europe/Berlin")
SECONDS = "from=1760000000&to=1760010000&step=60"


async def test_a_restart_goes_on_in_the_same_minute(recording, sim, live, database):
    """Both processes' readings are in the minute; the counters bridge the time between them."""
    sim.pin(solar=1000, site=0, battery=0)
    first = await recording(sim)
    await live(2)
    before = await history(first, SECONDS)
    second = await recording(sim)
    await live(2)

    reported = await history(second, SECONDS)
    assert reported["at"][: len(before["at"])] == before["at"]
    assert oct(database.stat().st_mode)[-3:] == "600"


async def test_a_stop_does_not_wait_for_files_that_are_not_open_yet(proxy, clock, tmp_path):
    """A slow disk opens the histories of fifty gateways for seconds; a stop meanwhile opens no further one."""
    path, is_free, worker = tmp_path / "history.db", threading.Event(), Worker()
    other = asyncio.ensure_future(worker.run(is_free.wait))
    recorder = Recorder(proxy.context.gateway, Archive(path, worker), clock.clock, 15.0)
    recorder.open()
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(recorder.close())
    for _ in range(5):  # turns of the loop until the thread knows
        await asyncio.sleep(0)
    is_free.set()
    await asyncio.gather(other, closing)
    worker.close()

    assert not path.exists()


@pytest.mark.parametrize("damage", ["no database", "torn"])
async def test_a_damaged_file_is_put_aside(recording, sim, live, database, caplog, damage):
    """Readings go on, a new file begins, the old one is kept under another name, and one line says so."""
    database.parent.mkdir(parents=True)
    if damage == "torn":
        db = sqlite3.connect(database)
        db.execute("CREATE TABLE t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        db.commit()
        db.close()
        with database.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(1) * 8192)
    else:
        database.write_bytes(b"This is not a database. " * 100)

    proxy = await recording(sim)
    await live(2)

    assert (await history(proxy, SECONDS))["at"]
    assert database.with_name("history.db.damaged").exists()
    assert [record.msg for record in caplog.records if record.msg.startswith("history")] == [
        "history damaged"
    ]


async def test_a_file_of_a_later_release_is_left_alone(recording, sim, live, database, caplog):
    database.parent.mkdir(parents=True)
    db = sqlite3.connect(database)
    db.execute("PRAGMA user_version = 99")
    db.close()
    proxy = await recording(sim)
    await live(2)

    assert (await proxy.get("/history.json")).status == 503
    assert (await proxy.get("/aggregates")).status == 200
    assert [record.msg for record in caplog.records if record.msg.startswith("history")] == [
        "history not kept"
    ]
    assert sqlite3.connect(database).execute("PRAGMA user_version").fetchone()[0] == 99


async def test_without_a_folder_there_is_no_history(recording, sim, caplog):
    """One line says why; its routes do not exist then, and nothing else differs."""
    caplog.set_level("INFO")
    proxy = await recording(sim, state_path="")

    assert (await proxy.get("/history.json")).status == 404
    assert (await proxy.get("/aggregates")).status == 200
    assert [record.reason for record in caplog.records if record.msg == "history off"] == [
        "there is no state folder (PW_STATE_PATH)"
    ]


async def test_without_sqlite_there_is_no_history(recording, sim, monkeypatch, caplog):
    """OpenWrt and FreeBSD have it as a package of its own: the proxy starts without, and says so."""
    monkeypatch.setitem(sys.modules, "_sqlite3", None)

    proxy = await recording(sim)

    assert (await proxy.get("/history.json")).status == 404
    assert (await proxy.get("/aggregates")).status == 200
    [line] = [record for record in caplog.records if record.getMessage() == "history off"]
    assert line.reason == "this Python has no sqlite3"


async def test_where_the_folder_is_a_file_there_is_no_history(recording, sim, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    proxy = await recording(sim, state_path=str(tmp_path / "file" / "state"))

    assert (await proxy.get("/history.json")).status == 404
    assert [record.msg for record in caplog.records if record.msg.startswith("history")] == ["history off"]


async def test_switched_off_it_leaves_no_trace(recording, sim, database, clock):
    proxy = await recording(sim, history=False)
    await proxy.get("/aggregates")

    assert (await proxy.get("/history.json")).status == 404
    assert not database.exists()


def test_ten_years_take_less_than_thirty_megabytes_and_are_read_in_time():
    """
    Thirty days of minutes, a year of quarter hours, three years of hours and ten years of days: thinned
    out, folded exactly, and below the limit of the file.
    """
    db = sqlite3.connect(":memory:", isolation_level=None)
    from proxy.history.schema import DAY, HOUR, MINUTE, QUARTER, migrate

    migrate(db)
    now = int(datetime(2026, 11, 30, tzinfo=UTC).timestamp())
    values = {part: 10_000 + 1000 * place for place, part in enumerate(PARTS)}
    for level, days in ((MINUTE, 32), (QUARTER, 410), (HOUR, 1200), (DAY, 3650)):
        span = level.span_s
        rows = ([at, 1, *values.values()] for at in range(now - days * 86400, now, span))
        marks = ", ".join("?" for _ in range(len(PARTS) + 2))
        db.executemany(f"INSERT INTO {level.table} (at, n, {', '.join(PARTS)}) VALUES ({marks})", rows)
    thin(db, now)

    assert db.execute("SELECT min(at) FROM minute").fetchone()[0] == now - 30 * 86400
    assert db.execute("SELECT count(*) FROM day").fetchone()[0] == 3650
    assert used_bytes(db) < 30 * 1024 * 1024
    thin(db, now, most_bytes=10 * 1024 * 1024)
    assert used_bytes(db) < 10 * 1024 * 1024
    assert db.execute("PRAGMA page_count").fetchone()[0] * 4096 < 10 * 1024 * 1024  # the file itself
    assert db.execute("SELECT count(*) FROM day").fetchone()[0] == 3650
    ten_years = series(
        db, (BY_NAME["load_power"],), Span(now - 3650 * 86400, now, 86400), zone_of("UTC"), now
    )
    assert len(ten_years.at) == 3650


def test_coarser_rows_are_the_means_of_what_they_stand_for():
    """Also over a day of 25 hours, in which each hour counts alike; a half empty hour counts half."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    from proxy.history.schema import migrate

    migrate(db)
    first = int(datetime(2026, 10, 25, tzinfo=ZONE).timestamp())
    minutes = [*range(0, 25 * 60, 1)]
    rows = [
        row_of(first + 60 * m, {"load_power": 100 if m < 60 else 0, "load_power_max": m, "load_power_min": m})
        for m in minutes
        if not 0 <= m < 30
    ]
    for start in range(0, len(rows), 100):
        write(db, Batch(rows=rows[start : start + 100]), ZONE)
    write(db, Batch(rows=[row_of(first + 60 * 25 * 60, {"load_power": 7})]), ZONE)

    at, n, mean, least, most = db.execute(
        "SELECT at, n, load_power, load_power_min, load_power_max FROM day"
    ).fetchone()
    assert (at, n) == (first, 25 * 60 - 30)
    assert mean == round(100 * 30 / (25 * 60 - 30))
    assert (least, most) == (30, 1499)
    assert db.execute("SELECT n, load_power FROM hour ORDER BY at").fetchone() == (30, 100)
    assert db.execute("SELECT count(*) FROM hour").fetchone()[0] == 25
