"""Documents of the state folder: on the disk when a commit returns, or an error."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from proxy.state.folder import folder_of
from proxy.state.store import StateStore, Unreadable


def adding(key, value):
    return lambda document: {**document, key: value}


@pytest.fixture
async def store(tmp_path):
    store = StateStore(tmp_path / "state")
    yield store
    await store.close()


def test_the_default_gateway_has_the_folder_itself_and_any_other_one_below_it(tmp_path):
    """A state folder of an earlier release, which knew one gateway, is found again."""
    assert folder_of(str(tmp_path)) == str(tmp_path)
    assert folder_of(str(tmp_path), "cabin") == str(tmp_path / "gateways" / "cabin")
    assert folder_of("", "cabin") == ""


async def test_a_commit_that_returns_is_on_the_disk(store, tmp_path):
    await store.commit("energy.json", adding("a", 1))

    assert json.loads((tmp_path / "state" / "energy.json").read_text()) == {"a": 1}
    assert (tmp_path / "state" / "energy.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["energy.json"]


async def test_changes_follow_one_another_also_those_of_another_process(store, tmp_path):
    """Two meters that save at once lose nothing, nor do two daemons on one folder."""
    other = StateStore(tmp_path / "state")

    await asyncio.gather(
        *(
            each.commit("energy.json", adding(f"{n} {id(each)}", n))
            for n in range(20)
            for each in (store, other)
        )
    )
    await other.close()

    assert len(store.read("energy.json")) == 40


async def test_the_event_loop_writes_nothing_itself(store):
    writers = set()

    def change(document):
        writers.add(threading.current_thread())
        return document

    await asyncio.gather(store.commit("a.json", change), store.commit("b.json", change))

    assert len(writers) == 1
    assert threading.current_thread() not in writers


async def test_a_change_outlives_the_caller_that_requested_it(tmp_path):
    store = StateStore(tmp_path / "state")
    task = asyncio.create_task(store.commit("a.json", adding("a", 1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})

    await store.close()

    assert json.loads((tmp_path / "state" / "a.json").read_text()) == {"a": 1}


async def test_a_commit_that_cannot_be_made_is_an_error_and_one_line_of_the_log(tmp_path, caplog):
    """A token that can be used once must be known to be on the disk before it is."""
    (tmp_path / "file").write_text("")
    store = StateStore(tmp_path / "file")

    for _ in range(2):
        with pytest.raises(OSError, match=r"exists|directory"):
            await store.commit("a.json", adding("a", 1))
    await store.close()

    assert [record.message for record in caplog.records] == ["state cannot be kept"]


async def test_without_a_folder_nothing_is_kept_and_every_commit_fails(caplog):
    store = StateStore("")

    assert store.read("a.json") == {}
    with pytest.raises(OSError, match="no state folder"):
        await store.commit("a.json", adding("a", 1))
    await store.close()
    assert caplog.records == []


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 600])
async def test_a_damaged_document_is_neither_empty_nor_replaced(store, tmp_path, content):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "a.json").write_text(content)

    with pytest.raises(Unreadable, match="damaged"):
        store.read("a.json")
    with pytest.raises(Unreadable, match="damaged"):
        await store.commit("a.json", adding("a", 1))
    assert (tmp_path / "state" / "a.json").read_text() == content
