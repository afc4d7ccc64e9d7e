"""Whether a gateway trusts a key, in every form in which the cloud has been seen to answer."""

import pytest

from proxy.drivers.cloud.keys import is_verified

OURS, OTHER = "AQID", "BAUG"
TRUSTED, WAITING = {"public_key": OURS, "state": 3}, {"public_key": OURS, "state": 1}


def wrapped(name, value):
    return {"message": {"Payload": {"Authorization": {"Message": {name: value}}}}}


@pytest.mark.parametrize(
    ("answer", "verified"),
    [
        (TRUSTED, True),
        (WAITING, False),
        ({"clients": [{"public_key": OTHER, "state": 3}, WAITING]}, False),
        ({"clients": [WAITING, TRUSTED]}, True),
        (wrapped("ListAuthorizedClientsResponse", {"Clients": [{"PublicKey": OURS, "State": 3}]}), True),
        (wrapped("add_authorized_client_response", {"client": TRUSTED}), True),
        ({"clients": [{"public_key": OURS, "state": "AUTHORIZED_STATE_VERIFIED"}]}, True),
        ({"clients": [{"public_key": OURS, "state": "AUTHORIZED_STATE_PENDING_VERIFICATION"}]}, False),
        ({"clients": [{"public_key": OTHER, "state": 3}]}, None),
        ({"clients": []}, None),
        ("", None),
        (None, None),
    ],
)
def test_a_key_is_found_by_itself(answer, verified):
    """The state of another client's key says nothing about ours."""
    assert is_verified(answer, OURS) is verified
