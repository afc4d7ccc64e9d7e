"""A real InfluxDB, filled as Powerwall-Dashboard fills it, is imported into the history."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from proxy.__main__ import main
from tests.stack.test_influx import influx

__all__ = ["influx"]  # the fixture

MINUTE_S = 60


@pytest.fixture
def filled(influx):
    """Three hours of yesterday in the policies of the dashboard, as its continuous queries leave them."""
    begin = int(time.time() - 86400) // 3600 * 3600
    for policy, fields in {
        "autogen": "home=1000,solar=4000,from_pw=0,to_pw=1000,to_grid=2000,percentage=55.5",  # from_grid: 0/0 left none
        "grid": "grid_status=1",
        "pwtemps": "PW1_temp=21.5",
        "pod": "PW1_POD_nom_full_pack_energy=13500",
        "strings": "A_Power=2000,A_Voltage=300",
    }.items():
        lines = "\n".join(f"http {fields} {begin + MINUTE_S * minute}" for minute in range(180))
        influx.write_to(policy, lines)
    return begin


def test_a_dashboard_is_imported(influx, filled, tmp_path, monkeypatch, capsys):
    """Powers with their signs, charge, grid, packs and strings; energies of the day are integrated."""
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))
    monkeypatch.setenv("PW_TIMEZONE", "UTC")

    assert main(["history", "import", influx.url]) == 0

    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        rows = db.execute(
            "SELECT at, n, solar_power, load_power, battery_power, site_power, charge, grid_up, flow_s2g FROM minute ORDER BY at"
        ).fetchall()
        energies = db.execute(
            "SELECT sum(solar), sum(home), sum(grid_out), sum(battery_in) FROM energy"
        ).fetchone()
        signals = db.execute(
            "SELECT DISTINCT device, metric, mean FROM signal_hour JOIN series ON id = series"
        ).fetchall()
    assert len(rows) == 180
    assert rows[0] == (filled, 1, 4000, 1000, -1000, -2000, 5550, 100, 2000)
    assert energies == pytest.approx((12000, 3000, 6000, 3000))
    assert sorted(signals) == [
        ("A", "string_power", 2000),
        ("PW1", "energy_capacity", 13500),
        ("PW1", "temperature", 215),
    ]
    assert "180 rows" in capsys.readouterr().out
