"""No spelling of a secret survives redaction, whatever stands around it."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.core.redaction import MASK, Redactor

# A secret that contains the mask's own character could be rebuilt by masking its neighbour.
SECRETS = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4, max_size=40)

SPELLINGS = {
    "plain": str,
    "url": lambda secret: quote(secret, safe=""),
    "url path": quote,
    "form": quote_plus,
    "lower-case escapes": lambda secret: quote(secret, safe="").replace("%2F", "%2f"),
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json utf-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
    "ascii": lambda secret: ascii(secret)[1:-1],
    "html": html.escape,
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "urlsafe": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "basic": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "bytes repr": lambda secret: repr(secret.encode())[2:-1],
}


@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), st.text(max_size=20), st.text(max_size=20))
def test_no_spelling_of_a_secret_survives(secret, spelling, before, after):
    redactor = Redactor()
    redactor.conceal(secret)
    spelled = SPELLINGS[spelling](secret)

    shown = redactor.redact(before + spelled + after)

    assert MASK in shown
    assert secret not in shown


@given(SECRETS, SECRETS, st.integers(0, 100))
def test_a_limit_never_cuts_a_secret_in_two(secret, other, limit):
    """What is shown of a limited text is what the whole text shows, only less of it."""
    redactor = Redactor()
    redactor.conceal(secret)
    redactor.conceal(other)
    text = f"a{secret}b{other}{secret}c{other}"

    assert redactor.redact(text).startswith(redactor.redact(text, limit))


@given(st.text(min_size=3), st.integers(1, 3))
def test_secrets_that_overlap_are_masked_together(common, extra):
    """A secret that begins inside another one does not show its tail."""
    first, second = "x" * extra + common, common + "y" * extra
    assume(min(len(first), len(second)) > 3)
    redactor = Redactor()
    redactor.conceal(first)
    redactor.conceal(second)

    assert redactor.redact(f"{'x' * extra}{common}{'y' * extra}") == MASK


@given(st.text(max_size=3), st.text())
def test_very_short_texts_stay_readable(secret, text):
    redactor = Redactor()
    redactor.conceal(secret)

    assert redactor.redact(text) == text


def test_sessions_are_forgotten_in_their_order_and_passwords_never():
    """A daemon that logs in for years does not grow; its password stays concealed."""
    redactor = Redactor()
    redactor.conceal("the password", lasting=True)
    for number in range(1000):
        redactor.conceal(f"session {number:04}")

    assert redactor.redact("the password") == MASK
    assert redactor.redact("session 0999") == MASK
    assert redactor.redact("session 0000") == "session 0000"


def test_the_sessions_of_fifty_gateways_stay_concealed():
    """Each has a cookie and a record of its user, and a new pair every day."""
    redactor = Redactor()
    tokens = [f"{name} of gateway {number:02}" for number in range(50) for name in ("cookie", "record")]
    for _ in range(2):
        for token in tokens:
            redactor.conceal(token)

    assert {redactor.redact(f"logged in with {token}.") for token in tokens} == {f"logged in with {MASK}."}


def test_what_has_only_a_part_of_a_secret_is_shown():
    """Where a part of it occurs is looked for first; that alone masks nothing."""
    redactor = Redactor()
    redactor.conceal("blue/house")

    assert redactor.redact("the blue house") == "the blue house"
    assert redactor.redact("house, blue%2Fhouse") == f"house, {MASK}"
