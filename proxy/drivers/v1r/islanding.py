"""Off the grid and back by a signed message (docs/protocol.md, "Writing over v1r").

aiopowerwall sends the same message, but does not look at what the gateway says to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from proxy.core.errors import BadAnswer, CommandRejected, NotSupported

if TYPE_CHECKING:
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

_UNIMPLEMENTED = 12  # google.rpc.Code
_ACCEPTED = 1
# TEGSetIslandModeResult
_REFUSALS: Mapping[int, str] = {
    2: "it is not ready for it",
    3: "it could not carry the load",
    4: "the battery holds too little energy",
    5: "the sun gives more power than the battery can take",
}


def message(din: str, *, leave: bool) -> MessageEnvelope:
    """Request a gateway to leave the grid or to return to it, addressed as the owner's app does it."""
    from tesla_protocol.energy_device import (  # noqa: PLC0415 - only what is configured is imported
        authorization_types_pb2,
        teg_api_pb2,
        transport_pb2,
    )

    envelope = transport_pb2.MessageEnvelope()
    envelope.delivery_channel = transport_pb2.DELIVERY_CHANNEL_HERMES_COMMAND
    envelope.sender.authorized_client = authorization_types_pb2.AUTHORIZED_CLIENT_TYPE_CUSTOMER_MOBILE_APP
    envelope.recipient.din = din
    request = envelope.teg.set_island_mode_request
    request.force = leave
    request.mode = (
        teg_api_pb2.TEG_ISLAND_MODE_INTENTIONAL_WITH_RECONNECT_FAILSAFE
        if leave
        else teg_api_pb2.TEG_ISLAND_MODE_AUTO_ACTIVE
    )
    return envelope


def check(answer: MessageEnvelope) -> None:
    """Raise unless the gateway accepts: CommandRejected, NotSupported, BadAnswer for what is no answer to it."""
    if answer.common.HasField("error_response"):
        status = answer.common.error_response.status
        if status.code == _UNIMPLEMENTED:
            raise NotSupported("v1r: this firmware does not let its owner leave the grid")
        raise CommandRejected(f"v1r: the gateway refuses ({status.message or status.code})")
    result = answer.teg.set_island_mode_response.result
    if result in _REFUSALS:
        raise CommandRejected(f"v1r: the gateway stays as it is: {_REFUSALS[result]}")
    if result != _ACCEPTED:
        raise BadAnswer("v1r: the gateway does not say whether it obeys")
