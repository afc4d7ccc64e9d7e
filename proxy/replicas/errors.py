"""What can go wrong between replicas."""

from __future__ import annotations

from proxy.core.errors import GatewayError


class ReplicaSilent(GatewayError):
    """The replica that fetches cannot be heard. It says nothing about the gateway, so no cooldown follows."""

    status = 503
    title = "The replica that fetches does not answer"


class NotHandedOver(GatewayError):
    """No replica took the command in time, so it is certain that it was not sent to the gateway."""

    status = 503
    title = "No replica could carry out the command"
