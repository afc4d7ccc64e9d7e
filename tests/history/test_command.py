"""``powerwall-proxy history``: what is exported can be imported again; what is recorded is never replaced."""

import csv
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from proxy.__main__ import main
from proxy.core.zones import zone_of
from proxy.history.columns import PARTS
from proxy.history.database import Database
from proxy.history.days import day_of, start_of
from proxy.history.energies import DayTotals
from proxy.history.folding import row_of
from proxy.history.writing import Batch, write
from tests.history.conftest import query

ZONE = zone_of("Europe/Berlin")
MIDNIGHT = start_of(day_of(time.time() - 2 * 86400, ZONE), ZONE)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder with three hours of the day before yesterday."""
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "state"))
    monkeypatch.setenv("PW_TIMEZONE", "Europe/Berlin")
    monkeypatch.delenv("PW_CONFIG", raising=False)
    database = Database(tmp_path / "state" / "history.db")
    rows = [
        row_of(MIDNIGHT + 60 * minute, dict.fromkeys(PARTS, minute) | {"solar_power": 3000 + minute})
        for minute in range(180)
    ]
    day = DayTotals(
        day_of(MIDNIGHT, ZONE), {"solar": 9268.5, "home": 200.0}, {"home": 200.0}, {"flow_s2h": 200.0}
    )
    database.use(lambda db: write(db, Batch(rows=rows, days={day.day: day}), ZONE))
    database.close()
    return tmp_path / "state"


def test_an_export_is_imported_as_it_was(state, tmp_path, monkeypatch):
    """Minutes, and the levels that are made of them, and days with what they rest on."""
    assert main(["history", "export", str(tmp_path / "rows.csv")]) == 0
    assert main(["history", "export", str(tmp_path / "days.csv"), "--days"]) == 0
    before = {
        table: query(state, f"SELECT * FROM {table} ORDER BY 1") for table in ("minute", "quarter", "hour")
    }
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "other"))

    assert main(["history", "import", str(tmp_path / "days.csv")]) == 0
    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    other = tmp_path / "other"
    assert {table: query(other, f"SELECT * FROM {table} ORDER BY 1") for table in before} == before
    assert query(other, "SELECT solar, home, flow_s2h FROM energy") == [(9268.5, 200.0, 200.0)]


def test_what_was_recorded_is_not_replaced(state, tmp_path, capsys):
    """An import that is repeated adds nothing."""
    main(["history", "export", str(tmp_path / "rows.csv")])
    before = query(state, "SELECT * FROM minute")
    table = (tmp_path / "rows.csv").read_text()
    (tmp_path / "rows.csv").write_text(table.replace(",3001,", ",9999,"))

    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    assert query(state, "SELECT * FROM minute") == before
    assert capsys.readouterr().out == "0 rows and 0 days were added.\n"


def test_what_was_thinned_out_is_not_replaced_either(state, tmp_path, capsys):
    """Of spans whose minutes are deleted, all of them or some, the quarters, hours and days stay as they were recorded."""
    main(["history", "export", str(tmp_path / "rows.csv")])
    table = (tmp_path / "rows.csv").read_text()
    (tmp_path / "rows.csv").write_text(table.replace(",30", ",99").replace(",31", ",98"))
    levels = {name: f"SELECT * FROM {name} ORDER BY 1" for name in ("quarter", "hour")}
    before = {name: query(state, statement) for name, statement in levels.items()}
    with closing(sqlite3.connect(state / "history.db")) as db, db:
        db.execute(f"DELETE FROM minute WHERE at < {MIDNIGHT + 37 * 60}")
        db.execute(f"DELETE FROM quarter WHERE at >= {MIDNIGHT + 7200}")
        before["quarter"] = before["quarter"][:8]
        db.execute(f"DELETE FROM minute WHERE at >= {MIDNIGHT + 7200}")
    minutes = query(state, "SELECT * FROM minute")

    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    assert query(state, "SELECT * FROM minute") == minutes
    assert {name: query(state, statement) for name, statement in levels.items()} == before
    # The day is over, and made of the hours that were recorded.
    assert query(state, "SELECT n, load_power FROM day") == [(180, 90)]
    assert capsys.readouterr().out == "0 rows and 0 days were added.\n"


def test_the_table_of_the_route_is_imported_too(state, tmp_path):
    """Without the column span, the steps have one length; unknown columns are ignored."""
    at = MIDNIGHT - 30 * 86400
    times = [datetime.fromtimestamp(moment, UTC).isoformat() for moment in (at, at + 900)]
    table = f"time,solar_power (W),moon_power (W)\r\n{times[0]},900,1\r\n{times[1]},,2\r\n"
    (tmp_path / "series.csv").write_text(table)

    assert main(["history", "import", str(tmp_path / "series.csv")]) == 0

    assert query(state, f"SELECT at, n, solar_power, solar_power_max FROM quarter WHERE at < {MIDNIGHT}") == [
        (at, 15, 900, 900),
        (at + 900, 15, None, None),
    ]


def test_check_says_what_there_is(state, capsys):
    assert main(["history", "check"]) == 0

    report = capsys.readouterr().out
    assert ": ok, " in report
    assert "minute             180 rows" in report


def test_check_finds_damage(state, capsys):
    (state / "history.db").write_bytes(b"damaged" * 1000)

    assert main(["history", "check"]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_a_history_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "none"))

    assert main(["history", "check"]) == 1
    assert "there is no history" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content",
    ["a,b\r\n1,2\r\n", "time,solar_power (W)\r\nnoon,1\r\n", "day,solar (Wh)\r\n2026-01-01,nan\r\n"],
)
def test_another_table_is_refused(state, tmp_path, capsys, content):
    (tmp_path / "other.csv").write_text(content)

    assert main(["history", "import", str(tmp_path / "other.csv")]) == 1
    assert "other.csv" in capsys.readouterr().err


def test_a_long_table_is_read_line_by_line(tmp_path, monkeypatch, capsys):
    """A line that cannot be read is named; once it is mended, the same command adds what is missing."""
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "state"))
    file, begin = tmp_path / "rows.csv", MIDNIGHT - 86400
    times = [datetime.fromtimestamp(begin + 60 * minute, UTC).isoformat() for minute in range(2400)]
    lines = ["time,span (s),load_power (W)", *(f"{time},60,{1000 + n % 7}" for n, time in enumerate(times))]
    file.write_text("\r\n".join([*lines[:-1], "yesterday,60,1000"]))

    assert main(["history", "import", str(file)]) == 1
    assert f"{file}: line 2401: " in capsys.readouterr().err
    file.write_text("\r\n".join(lines))
    assert main(["history", "import", str(file)]) == 0
    assert query(tmp_path / "state", "SELECT count(*), max(load_power) FROM minute") == [(2400, 1006)]
    assert query(tmp_path / "state", "SELECT count(*) FROM quarter") == [(160,)]


@pytest.mark.parametrize("action", ["import", "export"])
def test_a_file_that_cannot_be_opened_is_named(state, tmp_path, capsys, action):
    file = tmp_path / "no-such-folder" / "rows.csv"

    assert main(["history", action, str(file)]) == 1
    assert f"{file}: No such file or directory" in capsys.readouterr().err


def test_the_file_may_follow_the_gateway(state, tmp_path):
    """Options and words may be in any order."""
    main(["history", "export", str(tmp_path / "rows.csv")])

    assert main(["history", "import", "--gateway", "default", str(tmp_path / "rows.csv")]) == 0
    with pytest.raises(SystemExit, match="2"):
        main(["history", "import", "--gateway", "default", "rows.csv", "another"])
    with pytest.raises(SystemExit, match="2"):
        main(["history", "import", "rows.csv", "--no-such-option"])


def test_the_history_is_that_of_the_one_gateway_there_is(state, monkeypatch, capsys):
    """Whatever its id; of several, --gateway names one, and an id that there is not has no history."""
    house, garage = {"id": "house", "host": "127.0.0.1"}, {"id": "garage", "host": "127.0.0.2"}
    folder = state / "gateways" / "house"
    folder.mkdir(parents=True)
    (state / "history.db").rename(folder / "history.db")

    monkeypatch.setenv("PW_GATEWAYS", json.dumps([house]))
    assert main(["history", "check"]) == 0
    with pytest.raises(SystemExit, match="78"):
        main(["history", "import", "rows.csv", "--gateway", "shed"])
    assert "--gateway is shed, but must be one of house" in capsys.readouterr().err
    monkeypatch.setenv("PW_GATEWAYS", json.dumps([house, garage]))
    with pytest.raises(SystemExit, match="78"):
        main(["history", "check"])
    assert main(["history", "check", "--gateway", "house"]) == 0
    assert not (state / "gateways" / "shed").exists()


def test_an_export_has_the_head_of_a_table(state, capsys):
    main(["history", "export", "--from", "2020-01-01"])

    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert head[:4] == ["time", "span (s)", "minutes", "site_power (W)"]
    assert len(rows) == 180


def test_an_export_that_fails_leaves_the_file_of_before(state, tmp_path, capsys):
    """A time that is none, a damaged history: the earlier export may be all there is."""
    target = tmp_path / "backup.csv"
    target.write_text("an earlier export")

    assert main(["history", "export", str(target), "--from", "2025-13-01"]) == 1
    (state / "history.db").write_bytes(b"no database")
    assert main(["history", "export", str(target)]) == 1

    assert target.read_text() == "an earlier export"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.csv", "state"]


def test_an_export_keeps_the_rights_of_the_file_and_a_link_to_it(state, tmp_path):
    target, link = tmp_path / "private.csv", tmp_path / "link.csv"
    target.write_text("an earlier export")
    target.chmod(0o600)
    link.symlink_to(target)

    assert main(["history", "export", str(link)]) == 0

    assert link.is_symlink()
    assert target.read_text().startswith("time,")
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_history_is_not_exported_into_itself(state, capsys):
    before = (state / "history.db").read_bytes()

    assert main(["history", "export", str(state / "history.db")]) == 1

    assert "is the history itself" in capsys.readouterr().err
    assert (state / "history.db").read_bytes() == before


def day_start(days_ago: int) -> int:
    """Return the first second of a day."""
    return start_of(day_of(time.time() - days_ago * 86400, ZONE), ZONE)


HEAD = "time,span (s),minutes,solar_power (W)\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            HEAD + "2026-11-29T10:00:00+00:00,60,1,5\n2026-11-29T10:01:00+00:00,60\n",
            "line 3: the row has not as many",
        ),
        (HEAD + "garbage\n", "line 2: the row has not as many fields as the head"),
        (HEAD + ",60,1,5\n", "line 2: there is no time in it"),
        (HEAD + "2026-11-29T10:00:00+00:00,1e999,1,5\n", "line 2: "),
        ("day,solar (Wh)\n,5\n", "line 2: there is no day in it"),
        (
            "time,solar_power (kW)\n2026-11-29T10:00:00+00:00,5\n",
            "solar_power (kW): a unit is one of s, %, W, Wh",
        ),
        ("time,kitchen\n2026-11-29T10:00:00+00:00,5\n", "it needs a column time or day, and one of values"),
        ("day,foo\n2026-11-29,5\n", "it needs a column time or day, and one of values"),
        ("x" * 200_000, "field larger than field limit"),
        (HEAD.encode("utf-16"), "it is not a text in UTF-8"),
    ],
)
def test_a_damaged_or_foreign_table_is_one_sentence_and_nothing_of_it_is_kept(
    state, tmp_path, capsys, content, words
):
    """A row that was cut off would stay for ever: what was recorded or imported is not replaced."""
    before = query(state, "SELECT * FROM minute ORDER BY at")
    (tmp_path / "table.csv").write_bytes(content if isinstance(content, bytes) else content.encode())

    assert main(["history", "import", str(tmp_path / "table.csv")]) == 1

    shown = capsys.readouterr().err
    assert words in shown
    assert shown.count("\n") == 1
    assert query(state, "SELECT * FROM minute ORDER BY at") == before


@pytest.mark.parametrize("minutes", [9, 40, 100])
def test_the_end_of_a_past_that_is_long_over_is_kept_as_coarsely_as_its_beginning(state, tmp_path, minutes):
    """It ends within a quarter, an hour and a day, whose minutes are no longer kept."""
    begin = day_start(500) + 10 * 3600
    rows = [f"{datetime.fromtimestamp(begin + 60 * m, UTC).isoformat()},60,1,600\n" for m in range(minutes)]
    (tmp_path / "old.csv").write_text(HEAD + "".join(rows))

    assert main(["history", "import", str(tmp_path / "old.csv")]) == 0

    old = f"at < {begin + 86400}"
    assert query(state, f"SELECT sum(n) FROM hour WHERE {old}") == [(minutes,)]
    assert query(state, f"SELECT sum(n) FROM day WHERE {old}") == [(minutes,)]
