"""Command lines of the pypowerwall proxy: the ones of ours that they are now, or what to use instead."""

import pytest


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (["setup", "-email=me@example.com", "-headless"], "setup --mode owner --email me@example.com"),
        (["setup", "-cloud", "-region", "us"], "setup --mode owner --region na"),
        (["setup", "-fleetapi"], "setup --mode fleet"),
        (["fleetapi"], "setup --mode fleet"),
        (["fleetapi", "setup"], "setup --mode fleet"),
        (["fleetapi", "setup", "--config=f", "--site", "5"], "setup --mode fleet --site 5"),
        (["cloudcheck", "-noconnect"], "doctor"),
    ],
)
def test_command_lines_of_the_pypowerwall_proxy_become_ours(command, theirs, ours):
    shown = command(*theirs)

    assert f"this is now: powerwall-proxy {ours}\n" in shown.stderr
    assert "usage:" not in shown.stderr


@pytest.mark.parametrize(
    ("theirs", "hint"), [(["get", "-format", "json"], "/json"), (["fleetapi", "status"], "/fleetapi/status")]
)
def test_those_without_a_counterpart_say_what_to_use(command, theirs, hint):
    shown = command(*theirs)

    assert shown.returncode == 64
    assert hint in shown.stderr


def test_a_check_where_there_is_nothing_to_read_says_what_to_do(command):
    shown = command("cloudcheck")

    assert shown.returncode == 1
    assert "PW_HOST" in shown.stdout
    assert "powerwall-proxy setup --mode fleet" in shown.stdout
