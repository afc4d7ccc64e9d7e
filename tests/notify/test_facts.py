"""Silence, refusals, alerts, commands and storm watch: what is reported of them, and how often."""

from dataclasses import replace

from proxy.core.model import Setting
from proxy.notify.machine import Machine
from proxy.notify.observation import Observation
from proxy.notify.readings import Trouble

WELL = Observation(
    now=0.0,
    read_at=None,
    is_expected=True,
    reason="The gateway cannot be reached.",
    troubles=(),
    working=("local",),
    alerts_at=0.0,
    alerts=None,
    storm=None,
)
REFUSED = Trouble("login_refused", "local", "The gateway refuses the login.")


class Gateway:
    """A gateway that is looked at every 10 seconds; silent after 10 minutes."""

    def __init__(self):
        self.now = 1000.0
        self.machine = self._made()
        self.facts = []

    def _made(self):
        return Machine(settle_s=30.0, silent_s=600.0, low=20.0, now=self.now)

    def look(self, seconds=10.0, *, reads=True, **values):
        for _ in range(round(seconds / 10)):
            self.now += 10
            self.read_at = self.now if reads else getattr(self, "read_at", None)
            seen = replace(WELL, now=self.now, read_at=self.read_at, alerts_at=self.now, **values)
            self.facts += self.machine.observe(seen)
        return self

    def restart(self):
        kept = self.machine.dump(offset=100.0)
        self.machine = self._made()
        self.machine.load(kept, offset=100.0)
        return self

    @property
    def events(self):
        return [fact.event for fact in self.facts]


def test_silence_is_reported_after_its_time_and_its_end_after_the_settle_time():
    gateway = Gateway().look(60).look(590, reads=False)
    assert gateway.events == []

    gateway.look(3000, reads=False)
    silent = gateway.facts[0]
    assert gateway.events == ["readings_silent"]
    assert silent.values == {
        "duration_seconds": 600,
        "has_read": True,
        "reason": "The gateway cannot be reached.",
    }

    assert gateway.look(30).events == ["readings_silent"]
    assert gateway.look(20).events == ["readings_silent", "readings_back"]
    assert gateway.facts[1].values == {"duration_seconds": 3600}


def test_a_gateway_that_answers_now_and_then_is_silent_once():
    """A reading every ten minutes is no return."""
    gateway = Gateway().look(60).look(700, reads=False)
    for _ in range(10):
        gateway.look(10).look(600, reads=False)

    assert gateway.events == ["readings_silent"]


def test_silence_outlives_a_restart():
    gateway = Gateway().look(60).look(700, reads=False).restart().look(3000, reads=False)
    assert gateway.events == ["readings_silent"]

    assert gateway.restart().look(60).events == ["readings_silent", "readings_back"]


def test_what_is_not_requested_is_not_missed():
    """Over Tesla's cloud readings come only when a client wants them."""
    assert Gateway().look(60).look(7200, reads=False, is_expected=False).events == []


def test_a_machine_that_slept_does_not_report_its_own_sleep():
    gateway = Gateway().look(60)
    gateway.now += 8 * 3600

    assert gateway.look(500, reads=False).events == []
    assert gateway.look(200, reads=False).events == ["readings_silent"]


def test_a_gateway_that_never_answered_is_silent_since_the_start():
    gateway = Gateway().look(700, reads=False)

    assert gateway.facts[0].values["has_read"] is False


def test_a_refused_login_is_reported_once_until_the_link_has_worked():
    gateway = Gateway().look(60)
    gateway.look(3600, troubles=(REFUSED,), working=()).restart()
    gateway.look(60, troubles=(), working=()).look(60, troubles=(REFUSED,), working=())
    assert gateway.events == ["login_refused"]

    gateway.look(10).look(10, troubles=(REFUSED,), working=())
    assert gateway.events == ["login_refused", "login_refused"]


def test_alerts_that_were_there_before_are_not_new():
    gateway = Gateway().look(alerts=frozenset({"PACK_f012_Old"}))
    gateway.restart().look(600, alerts=frozenset({"PACK_f012_Old", "PACK_f029_Hot", "PVS_a018_String"}))

    new, notice = gateway.facts
    assert (new.event, new.values) == ("alert_new", {"alerts": ["PACK_f029_Hot"]})
    assert (notice.event, notice.values) == ("notice_new", {"alerts": ["PVS_a018_String"]})


def test_an_alert_has_ended_when_it_was_absent_for_a_quarter_of_an_hour():
    gateway = Gateway().look(alerts=frozenset())
    for _ in range(5):  # it comes and goes
        gateway.look(alerts=frozenset({"PACK_f029_Hot"})).look(600, alerts=frozenset())
    assert gateway.events == ["alert_new"]

    assert gateway.look(300, alerts=frozenset()).events == ["alert_new", "alert_ended"]


def test_unknown_alerts_end_nothing_and_states_of_the_grid_are_none():
    gateway = Gateway().look(alerts=frozenset()).look(alerts=frozenset({"PACK_f029_Hot"}))
    gateway.look(7200, alerts=None)
    gateway.look(60, alerts=frozenset({"PACK_f029_Hot", "UnscheduledIslandContactorOpen"}))

    assert gateway.events == ["alert_new"]


def test_storm_watch_is_reported_when_it_begins_and_ends():
    gateway = Gateway().look(60).look(60, storm=False).look(60, storm=True).restart().look(60, storm=None)
    gateway.look(60, storm=True).look(60, storm=False)

    assert [fact.values["active"] for fact in gateway.facts] == [True, False]


def test_a_command_is_reported_once_when_the_gateway_has_taken_it():
    machine = Gateway().machine
    reserve = {Setting.RESERVE: 30}

    facts = [
        *machine.command(1.0, reserve, "accepted"),
        *machine.command(2.0, reserve, "ok"),  # the same one, confirmed
        *machine.command(3.0, reserve, "ok"),  # another one
        *machine.command(4.0, reserve, "command_rejected"),
    ]

    assert [fact.values for fact in facts] == [
        {"settings": {"reserve": 30}, "confirmed": False},
        {"settings": {"reserve": 30}, "confirmed": True},
    ]
