"""Without the key nothing that replicas share can be read, made, changed or put elsewhere."""

from __future__ import annotations

import pytest

from proxy.replicas.sealing import Seal, Unsealed, mark_of, new_key, read_key

KEY = bytes(range(32))


def test_a_message_is_opened_with_the_key_and_for_its_purpose_only():
    sealed = Seal(KEY).seal(b"62.5 percent", "pwp:1:{a}:reports")

    assert b"percent" not in sealed
    assert Seal(KEY).open(sealed, "pwp:1:{a}:reports") == b"62.5 percent"
    for key, purpose in ((KEY, "pwp:1:{b}:reports"), (bytes(32), "pwp:1:{a}:reports")):
        with pytest.raises(Unsealed):
            Seal(key).open(sealed, purpose)


@pytest.mark.parametrize(
    "damage", [lambda s: b"", lambda s: s[:20], lambda s: s[:-1] + b"x", lambda s: s + b"x"]
)
def test_a_message_that_was_changed_is_not_opened(damage):
    with pytest.raises(Unsealed):
        Seal(KEY).open(damage(Seal(KEY).seal(b"message", "a")), "a")


def test_a_new_key_is_read_as_it_was_made_and_no_two_are_equal():
    keys = {new_key() for _ in range(20)}

    assert len(keys) == 20
    assert all(len(read_key(key)) == 32 for key in keys)


@pytest.mark.parametrize("text", ["", "password", "AAAA", "!" * 43, "A" * 42, "A" * 60])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="replica-key"):
        read_key(text)


def test_marks_are_equal_for_equal_texts_and_need_the_key():
    assert mark_of(KEY, "a") == mark_of(KEY, "a")
    assert mark_of(KEY, "a") != mark_of(KEY, "b")
    assert mark_of(KEY, "a") != mark_of(bytes(32), "a")
