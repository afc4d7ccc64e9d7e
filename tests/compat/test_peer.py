"""The same gateway, read through the peer and through us, gives the same answers."""

from __future__ import annotations

import copy
import json

import pytest

from proxy.sim.server import SimulatedGateway
from tests.compat.differences import CORPORA, DIFFERENCES
from tests.shared import SHARED

COMPAT = SHARED / "compat"
# What the peer was given to read the gateway with. What it takes for energies, zero, is not compared.
SETTINGS = {
    "local": {},
    "tedapi": {"password": "", "gw_pwd": "ABCDEFGHIJ", "integrate_energy": False},
    "hybrid": {"gw_pwd": "ABCDEFGHIJ"},
}
# Who made the answer and when: not a fact of the house.
UNCOMPARED = "VITALS"


def recorded(corpus: str) -> dict:
    return json.loads((COMPAT / f"peer-{corpus}.json").read_text())


def content(answer: dict):
    return answer["json"] if "json" in answer else answer["text"]


def accepted(case: str, peer):
    """What we answer: the peer's answer with all listed differences applied."""
    for difference in DIFFERENCES:
        if case in difference.cases:
            peer = changed(difference.cases[case], peer)
    return peer


def changed(change, peer):
    return change(copy.deepcopy(peer)) if callable(change) else change


def strict(value, path=""):
    """A form in which 1, 1.0 and true differ, and the order of keys and of alerts does not."""
    if isinstance(value, dict):
        return {key: strict(entry, path) for key, entry in value.items() if key != UNCOMPARED}
    if isinstance(value, list):
        entries = [strict(entry) for entry in value]
        return sorted(entries) if "alerts" in path else entries
    return (type(value).__name__, value)


@pytest.mark.parametrize("corpus", CORPORA)
async def test_answers_are_the_peers_but_for_the_listed_differences(corpus, start, clock, subtests):
    peer = recorded(corpus)
    async with SimulatedGateway.from_capture(COMPAT / peer["gateway"], clock=clock.clock) as sim:
        proxy = await start(sim, **SETTINGS[corpus.partition("-")[0]])

        for answer in peer["answers"]:
            path = answer["path"]
            with subtests.test(path=path):
                got = await proxy.get(path)
                ours = got.json() if got.headers["Content-Type"] == "application/json" else got.text
                expected = accepted(f"{corpus} {path}", content(answer))

                if expected == 404:
                    assert got.status == expected
                    continue
                assert got.status == 200
                assert got.headers["Content-Type"] == answer["content_type"]
                assert strict(ours, path) == strict(expected, path)


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_listed_difference_is_one(corpus):
    """A row that no longer says anything new about a recorded answer is to be deleted."""
    answers = {f"{corpus} {answer['path']}": content(answer) for answer in recorded(corpus)["answers"]}
    listed = [
        (case, change)
        for difference in DIFFERENCES
        for case, change in difference.cases.items()
        if case.startswith(f"{corpus} ")
    ]

    assert {case for case, _ in listed} <= answers.keys()
    assert [
        case for case, change in listed if strict(changed(change, answers[case])) == strict(answers[case])
    ] == []
