"""The table of settings: each row is complete, and shows no secret."""

import dataclasses

import pytest

from proxy.config.settings import SETTINGS, settings_of
from proxy.config.specs import show
from proxy.config.types import FLAG


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.env)
def test_a_row_is_complete(row):
    """A setting has a default of its kind, a sentence, and a name made by rule."""
    assert row.help[0].isupper() or row.help.startswith(("yes:", "no:"))
    assert not row.help.endswith(".")
    by_rule = row.key.upper() if row.group == "MQTT" else f"PW_{row.key.upper()}"
    assert row.env in {by_rule, "PROXY_BASE_URL", "LOG_LEVEL", "PW_GATEWAYS", "CORS_ORIGINS"}
    assert row.kind is not FLAG or isinstance(row.default, bool)
    if row.default not in {"", ()}:
        assert row.kind.parse(show(row.default)) == row.default
    for bound in row.kind.bounds or ():
        assert row.kind.parse(show(bound)) == bound


def test_rows_and_fields_are_the_same():
    fields = [
        field.name
        for owner in {row.owner for row in SETTINGS}
        for field in dataclasses.fields(owner)
        if field.metadata
    ]
    assert sorted(row.key for row in SETTINGS) == sorted(fields)
    assert len({row.env for row in SETTINGS}) == len(SETTINGS)


def test_the_repr_of_settings_shows_no_secret():
    """Settings end up in tracebacks and test reports."""
    secrets = {row.key: f"secret {row.key}" for row in SETTINGS if row.secret}

    shown = repr(settings_of(**secrets))

    assert not [secret for secret in secrets.values() if secret in shown]
