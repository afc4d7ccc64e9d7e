"""What replicas send each other arrives as what it was."""

from __future__ import annotations

import pytest

from proxy.core.errors import GatewayError
from proxy.core.model import Command, Setting
from proxy.drivers.v1r.transport import WifiLost
from proxy.gateways.commands import Report
from proxy.replicas import errors, wire

COMMAND = Command({Setting.RESERVE: 30})


def _kinds(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _kinds(below))]


@pytest.mark.parametrize("kind", _kinds(GatewayError), ids=lambda kind: kind.__name__)
def test_an_error_means_the_same_to_the_replica_that_receives_it(kind):
    assert {WifiLost, errors.NotHandedOver, errors.ReplicaSilent} <= {*_kinds(GatewayError)}

    received = wire.read_error(wire.written_error(kind("in a sentence", retry_after=7.0)))

    assert received.status == kind.status
    assert received.scope is kind.scope
    assert isinstance(received, kind) or issubclass(kind, type(received))
    assert (str(received), received.retry_after) == ("in a sentence", 7.0)


def test_a_report_with_an_error_of_another_release_leaves_the_outcome_open():
    row = wire.written_report(Report(COMMAND, "a client", 0.0, {}, {}, error=errors.NotHandedOver("x")))
    row["error"]["kind"] = "ErrorOfTheFuture"

    report = wire.read_report(row, COMMAND, "a client", 0.0)

    assert report.error is not None
    assert report.error.status == 504


def test_a_report_arrives_with_what_was_before_and_after():
    sent = Report(COMMAND, "a client", 5.0, {Setting.RESERVE: 20.0}, {Setting.RESERVE: 30.0}, confirmed=False)

    assert wire.read_report(wire.written_report(sent), COMMAND, "a client", 5.0) == sent
