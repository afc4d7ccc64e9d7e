"""Repeated events are logged once, then counted."""

import pytest

from tests.logs.conftest import Log


def test_a_repeated_failure_is_reported_once_then_counted():
    """One line at once, then its count after 5 and 10 more minutes, while it goes on."""
    written = Log(network_error_rate_limit=100)

    for _ in range(60 * 16):
        written.logger.warning("exchange failed", extra={"cause": "timeout"})
        written.now += 1

    assert written.lines == [
        "WARNING exchange failed cause=timeout",
        "WARNING exchange failed cause=timeout repeated=299",
        "WARNING exchange failed cause=timeout repeated=600",
    ]


def test_another_cause_is_another_line():
    written = Log()

    for cause in ("timeout", "reset", "timeout"):
        written.logger.warning("exchange failed", extra={"cause": cause})

    assert written.lines == ["WARNING exchange failed cause=timeout", "WARNING exchange failed cause=reset"]


def test_counts_that_were_not_shown_are_written_at_the_end():
    written = Log()
    for _ in range(3):
        written.logger.warning("exchange failed", extra={"cause": "timeout"})

    written.handler.close()

    assert written.lines[-1] == "WARNING exchange failed cause=timeout repeated=2"


def test_a_failure_after_quiet_is_news():
    written = Log()
    written.logger.warning("exchange failed", extra={"cause": "timeout"})

    written.now += 301
    written.logger.warning("exchange failed", extra={"cause": "timeout"})

    assert written.lines == ["WARNING exchange failed cause=timeout"] * 2


def test_the_last_line_about_the_gateway_says_how_it_is():
    """A gateway that is unreachable again is logged again, although the cause is the same as before."""
    written = Log(suppress_network_errors=True)

    for _ in range(2):
        written.logger.warning("gateway unreachable", extra={"cause": "timeout"})
        written.logger.warning("gateway recovered", extra={"after_s": 3})

    assert [line.split(" ", 3)[2] for line in written.lines] == [
        "unreachable",
        "recovered",
        "unreachable",
        "recovered",
    ]


def test_a_gateway_that_comes_and_goes_does_not_fill_the_log():
    """Ten minutes of one change a second are five lines a minute of each kind, and the counts."""
    written = Log()

    for _ in range(300):
        written.logger.warning("gateway unreachable", extra={"cause": "timeout"})
        written.now += 1
        written.logger.warning("gateway recovered", extra={"after_s": 1})
        written.now += 1

    assert len(written.lines) <= 2 * 5 * 10 + 4
    assert any(" repeated=" in line for line in written.lines)


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_the_last_change_is_written_though_nothing_else_is(limit):
    """A gateway that stays reachable after many changes within a minute: the log ends with that."""
    written = Log(network_error_rate_limit=limit)
    for _ in range(8):
        written.logger.warning("gateway unreachable", extra={"link": "local", "cause": "timeout"})
        written.logger.warning("gateway recovered", extra={"link": "local", "after_s": 1})

    written.now += 60
    written.handler.write_counts()

    assert len(written.lines) == 2 * limit + 1
    assert written.lines[-1] == f"WARNING gateway recovered link=local after_s=1 repeated={16 - 2 * limit}"
    written.handler.close()
    assert len(written.lines) == 2 * limit + 1


def test_each_link_has_a_last_change():
    written = Log(network_error_rate_limit=0)
    written.logger.warning("gateway unreachable", extra={"link": "tedapi"})
    written.logger.warning("gateway unreachable", extra={"link": "local"})
    written.logger.warning("gateway recovered", extra={"link": "local"})

    written.handler.close()

    assert written.lines == [
        "WARNING gateway unreachable link=tedapi repeated=1",
        "WARNING gateway recovered link=local repeated=2",
    ]


def test_information_is_never_held_back():
    written = Log()

    for _ in range(3):
        written.logger.info("logged in")

    assert len(written.lines) == 3


def test_the_rate_limit_of_the_pypowerwall_proxy_holds_over_all_causes():
    """PW_NETWORK_ERROR_RATE_LIMIT lines per minute, whatever the causes."""
    written = Log(network_error_rate_limit=2)

    for number in range(10):
        written.logger.warning("exchange failed", extra={"cause": f"fault {number}"})
    written.now += 61
    written.logger.warning("exchange failed", extra={"cause": "fault 99"})

    assert [line.split("cause=")[1] for line in written.lines] == ['"fault 0"', '"fault 1"', '"fault 99"']


def test_network_errors_can_be_summaries_only():
    """PW_SUPPRESS_NETWORK_ERRORS: nothing at once, one line every five minutes; other warnings pass."""
    written = Log(suppress_network_errors=True)

    written.logger.warning("exchange failed", extra={"cause": "timeout"})
    written.logger.warning("state folder is not writable")
    written.now += 301
    written.logger.info("anything")

    assert written.lines == [
        "WARNING state folder is not writable",
        "WARNING exchange failed cause=timeout repeated=1",
        "INFO anything",
    ]


def test_memory_is_bounded_by_kinds_not_by_records():
    """Ten thousand different warnings leave no more behind than a few hundred."""
    written = Log()

    for number in range(10_000):
        written.logger.warning("odd", extra={"cause": str(number)})

    before = len(written.lines)
    written.handler.close()

    assert len(written.lines) - before <= 200


def test_other_events_are_limited_by_themselves():
    """What is remembered of rates is bounded, too."""
    written = Log(network_error_rate_limit=1)

    for number in range(500):
        written.logger.warning(f"odd {number}", extra={"cause": "fault"})

    assert len(written.lines) == 500
    assert len(written.handler._repeats._recent) <= 200


def test_the_same_event_at_another_gateway_is_another_line():
    """Fifty that are lost together are fifty lines, however few lines a minute one may have."""
    written = Log(network_error_rate_limit=1)

    for number in range(50):
        fields = {"link": "local", "cause": "timeout", "gateway": f"g{number}"}
        written.logger.warning("gateway unreachable", extra=fields)
        written.logger.warning("exchange failed", extra=fields)

    assert len(written.lines) == 100


def test_each_receiver_of_alarms_that_fails_is_named():
    written = Log()

    for number in range(1, 4):
        fields = {"receiver": f"webhook {number}", "reason": "answered 500"}
        written.logger.warning("receiver failed", extra=fields)

    assert [line.split("receiver=")[1][:11] for line in written.lines] == [
        f'"webhook {n}"' for n in (1, 2, 3)
    ]
