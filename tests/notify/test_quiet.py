"""Quiet hours by the clock of the site, on days of 23, 24 and 25 hours."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from proxy.notify.quiet import parse

BERLIN, CALIFORNIA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")


def at(text, zone=BERLIN):
    """The Unix time of an ISO time: local, or with an offset."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-06-10T21:59", "2026-06-10T21:59"),
        ("2026-06-10T22:00", "2026-06-11T07:00"),
        ("2026-06-11T06:59", "2026-06-11T07:00"),
        ("2026-06-11T07:00", "2026-06-11T07:00"),
        # The last Sunday of March has 23 hours, that of October 25.
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
        ("2026-10-25T02:30+02:00", "2026-10-25T07:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T07:00"),
    ],
)
def test_messages_wait_from_evening_to_morning(moment, until):
    assert parse("22:00-07:00").until(at(moment), BERLIN) == at(until)


def test_a_night_is_an_hour_shorter_or_longer_when_the_clocks_change():
    quiet = parse("22:00-07:00")

    spring, autumn = at("2026-03-28T22:00"), at("2026-10-24T22:00")
    assert quiet.until(spring, BERLIN) - spring == 8 * 3600
    assert quiet.until(autumn, BERLIN) - autumn == 10 * 3600


def test_an_hour_that_comes_twice_is_quiet_until_its_second_end():
    """From 01:30 to 02:30 in California, where 01:00 to 02:00 comes twice on the first Sunday of November."""
    quiet = parse("23:00-01:30")

    end = at("2026-11-01T01:30-08:00")
    for moment in ("2026-11-01T00:10-07:00", "2026-11-01T01:45-07:00", "2026-11-01T01:10-08:00"):
        assert quiet.until(at(moment), CALIFORNIA) == end
    assert quiet.until(at("2026-11-01T01:30-08:00"), CALIFORNIA) == end


def test_hours_that_the_clock_skips_end_all_the_same():
    """At 02:00 the clock shows 03:00: quiet hours to 02:30 end, and the day after is as usual."""
    quiet = parse("23:00-02:30")

    moment = at("2026-03-08T01:59", CALIFORNIA)
    assert moment < quiet.until(moment, CALIFORNIA) <= at("2026-03-08T03:30", CALIFORNIA)
    assert quiet.until(at("2026-03-08T12:00", CALIFORNIA), CALIFORNIA) == at("2026-03-08T12:00", CALIFORNIA)


def test_quiet_hours_may_lie_within_a_day():
    quiet = parse(" 12:30 - 14:00 ")

    assert quiet.until(at("2026-06-10T13:00"), BERLIN) == at("2026-06-10T14:00")
    assert quiet.until(at("2026-06-10T23:00"), BERLIN) == at("2026-06-10T23:00")
    assert str(quiet) == "12:30-14:00"


@pytest.mark.parametrize("text", ["22-7", "22:00", "24:00-07:00", "22:60-07:00", "07:00-07:00", "night"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="22:00-07:00"):
        parse(text)
