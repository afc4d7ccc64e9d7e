"""Alerts and outages with their beginning, their end, and what they took."""

from dataclasses import replace

from proxy.core.sources import VITALS
from proxy.history.incidents import Incidents
from proxy.views.options import Options
from proxy.views.state import site_state

NOTHING = site_state({}, Options(), {})


class Site:
    """A site whose states are recorded, one every half minute."""

    def __init__(self):
        self.incidents = Incidents()
        self.at = 1_000_000.0
        self.alerts, self.outages = {}, {}

    def read(self, *, alerts=None, reported=True, pause=30.0, **values):
        self.at += pause
        meters = {"load": values.pop("load")} if "load" in values else {}
        state = replace(
            NOTHING,
            alerts=alerts,
            observed_at={VITALS: self.at} if reported else {VITALS: 0.0},
            meters={name: _Meter(watts) for name, watts in meters.items()},
            **values,
        )
        self.incidents.add(self.at, state)
        alerts, outages = self.incidents.take_changes()
        self.alerts |= {(each.name, each.start): each for each in alerts}
        self.outages |= {each.start: each for each in outages}
        return self.at


class _Meter:
    def __init__(self, power):
        self.power = power


def test_an_alert_has_a_beginning_and_an_end():
    site = Site()
    start = site.read(alerts=("Hot",))
    site.read(alerts=("Hot", "Wet"))
    end = site.read(alerts=("Wet",))

    assert site.alerts["Hot", start].end == end
    assert [each.end for each in site.alerts.values() if each.name == "Wet"] == [None]


def test_an_old_report_says_nothing_about_now():
    """Vitals are read every five minutes: the states in between repeat what they said."""
    site = Site()
    start = site.read(alerts=("Hot",), reported=False)
    site.read(alerts=("Hot",), reported=False)

    assert site.alerts["Hot", start].seen == start


def test_unknown_alerts_end_nothing():
    site = Site()
    start = site.read(alerts=("Hot",))
    site.read(alerts=None)

    assert site.alerts["Hot", start].end is None


def test_an_alert_that_ended_while_nothing_was_read_ended_when_it_was_seen_last():
    """After three days without the proxy nothing is known of the time after the last report."""
    site = Site()
    start = site.read(alerts=("Hot",))
    seen = site.read(alerts=("Hot",))
    site.read(alerts=(), pause=3 * 86400)

    assert site.alerts["Hot", start].end == seen


def test_an_outage_has_its_least_charge_and_its_peak_load():
    site = Site()
    site.read(grid="up", charge=80.0, load=500.0)
    start = site.read(grid="outage", charge=80.0, load=900.0)
    site.read(grid="outage", charge=40.0, load=4200.0)
    site.read(grid="outage", charge=45.0, load=300.0)
    end = site.read(grid="up", charge=46.0, load=300.0)

    (outage,) = site.outages.values()
    assert (outage.start, outage.end, outage.kind) == (start, end, "outage")
    assert (outage.charge_start, outage.charge_min, outage.charge_end) == (80.0, 40.0, 46.0)
    assert outage.load_max == 4200.0


def test_what_was_wished_is_no_failure():
    """The alert that distinguishes one from the other may come after the loss of the grid."""
    site = Site()
    site.read(grid="outage")
    site.read(grid="off_grid")

    assert [outage.kind for outage in site.outages.values()] == ["off_grid"]


def test_a_grid_in_transition_or_unknown_changes_nothing():
    site = Site()
    start = site.read(grid="outage")
    site.read(grid="transition")
    site.read(grid=None)
    site.read(grid="outage")

    assert list(site.outages) == [start]
    assert site.outages[start].end is None


def test_an_outage_goes_on_after_a_restart():
    """The process that comes after continues the outage that was open, with its least charge."""
    site = Site()
    start = site.read(grid="outage", charge=30.0)
    restarted = Site()
    restarted.at = site.at
    restarted.incidents.resume([], site.outages[start])
    end_seen = restarted.read(grid="outage", charge=50.0)
    restarted.read(grid="up", charge=60.0, pause=7200)

    (outage,) = restarted.outages.values()
    assert (outage.start, outage.charge_min) == (start, 30.0)
    assert outage.end == end_seen  # for two hours nothing was read: nothing is known of them
