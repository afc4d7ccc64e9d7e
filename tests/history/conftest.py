"""A house whose past is recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.clock import settled

EVERY_S = 15


@pytest.fixture
def recording(start, tmp_path) -> Callable:
    """Start a proxy that keeps a history: ``await recording(sim)``; several go on in the same folder."""

    async def recording(sim, **settings):
        return await start(
            sim,
            **{
                "history": True,
                "timezone": "Europe/Berlin",
                "state_path": str(tmp_path / "state"),
                **settings,
            },
        )

    return recording


@pytest.fixture
def database(tmp_path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def live(clock) -> Callable:
    """Let a household live for some minutes: time passes as the recorder's timer needs it."""

    async def live(minutes: float) -> None:
        await settled()
        for _ in range(round(minutes * 60 / EVERY_S)):
            clock.advance(EVERY_S)
            await settled()
            clock.advance(0.5)  # the answers of one moment are taken together
            await settled()

    return live


async def history(proxy, query: str = "", path: str = "/history.json"):
    answer = await proxy.get(f"{path}?{query}" if query else path)
    assert answer.status == 200, answer.text
    return json.loads(answer.content)


def query(folder: Path, statement: str) -> list[tuple]:
    """Return what the database of a state folder has."""
    with closing(sqlite3.connect(folder / "history.db")) as db:
        return db.execute(statement).fetchall()
