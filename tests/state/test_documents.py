"""Documents that outlive the process: absent is empty, unreadable is an error, unwritable is tried again."""

import json

import pytest

from proxy.state.store import StateStore, Unreadable


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe{", b"[" * 100_000])
def test_a_damaged_document_is_not_an_empty_one(tmp_path, content):
    (tmp_path / "pins.json").write_bytes(content)
    memory = StateStore(str(tmp_path))

    with pytest.raises(Unreadable, match=r"pins\.json cannot be read"):
        memory.read("pins.json")
    with pytest.raises(Unreadable):
        memory.update("pins.json", {"a": 1})
    assert memory.recall("pins.json") == {}
    assert (tmp_path / "pins.json").read_bytes() == content


def test_a_document_that_is_no_file_cannot_be_read(tmp_path):
    (tmp_path / "pins.json").mkdir()

    with pytest.raises(Unreadable, match="is a directory"):
        StateStore(str(tmp_path)).read("pins.json")


@pytest.mark.parametrize("folder", ["", "/dev/null/state", "absent"])
def test_an_absent_document_is_an_empty_one(tmp_path, folder):
    assert StateStore(str(tmp_path / folder) if folder == "absent" else folder).read("pins.json") == {}


def test_a_byte_order_mark_is_no_damage(tmp_path):
    (tmp_path / "pins.json").write_bytes(b"\xef\xbb\xbf{}")

    assert StateStore(str(tmp_path)).read("pins.json") == {}


def test_an_update_leaves_other_keys_as_they_are(tmp_path):
    memory = StateStore(str(tmp_path))
    memory.write("a.json", {"one": 1, "two": 2, "null": None})

    memory.update("a.json", {"two": None, "three": 3})

    assert json.loads((tmp_path / "a.json").read_text()) == {"one": 1, "null": None, "three": 3}


def test_what_could_not_be_written_lives_on_and_is_tried_again(tmp_path):
    folder = tmp_path / "state"
    folder.touch()  # a file where the folder should be
    memory = StateStore(str(folder))
    memory.write("a.json", {"one": 1})
    assert memory.read("a.json") == {"one": 1}

    folder.unlink()

    assert memory.read("a.json") == {"one": 1}
    assert json.loads((folder / "a.json").read_text()) == {"one": 1}


def test_a_file_that_the_owner_wrote_meanwhile_wins_over_what_could_not_be_written(tmp_path):
    folder = tmp_path / "state"
    folder.touch()
    memory = StateStore(str(folder))
    memory.write("a.json", {"one": 1})
    folder.unlink()
    folder.mkdir()
    (folder / "a.json").write_text('{"one": null}')

    assert memory.read("a.json") == {"one": None}
