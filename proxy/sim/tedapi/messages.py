"""Message envelopes: the query or command, and the envelope of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.sim.gateway import Gateway
from proxy.sim.tedapi import config, graphql
from proxy.sim.tedapi.state import Backup, IslandResult, Tedapi

if TYPE_CHECKING:
    from tesla_protocol.energy_device.authorization_api_pb2 import AuthorizationMessages
    from tesla_protocol.energy_device.filestore_api_pb2 import FileStoreMessages
    from tesla_protocol.energy_device.teg_api_pb2 import TEGMessages
    from tesla_protocol.energy_device.transport_pb2 import MessageEnvelope

# google.rpc.Code
INVALID_ARGUMENT, NOT_FOUND, ABORTED, UNIMPLEMENTED = 3, 5, 10, 12
OFF_GRID_MODE, ON_GRID_MODE = 6, 1
READING_REQUESTS = frozenset(
    {
        "get_system_info_request",
        "read_file_request",
        "query_request",
        "get_backup_events_request",
        "list_authorized_clients_request",
        "get_config_request",
        "get_networking_status_request",
    }
)


class Refusal(Exception):
    """The gateway answers with an error instead: a google.rpc code and words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def request_name(envelope: MessageEnvelope) -> str:
    """Name the request inside an envelope, or "" for none."""
    payload = envelope.WhichOneof("payload")
    return str(getattr(envelope, payload).WhichOneof("message") or "") if payload else ""


def reply(gateway: Gateway, tedapi: Tedapi, envelope: MessageEnvelope, unit: str) -> MessageEnvelope:
    """Carry out a request to a unit and wrap the answer.

    Raises ValueError or DecodeError for a payload that cannot be read.
    """
    answer = type(envelope)()
    answer.delivery_channel = envelope.delivery_channel
    answer.sender.din = unit
    answer.recipient.CopyFrom(envelope.sender)
    if request_name(envelope) not in READING_REQUESTS:
        tedapi.commands.append(request_name(envelope))
    try:
        _carry_out(gateway, tedapi, envelope, answer)
    except Refusal as refusal:
        for payload in ("filestore", "teg", "authorization"):
            answer.ClearField(payload)
        answer.common.error_response.status.code = refusal.code
        answer.common.error_response.status.message = str(refusal)
    return answer


def _carry_out(gateway: Gateway, tedapi: Tedapi, envelope: MessageEnvelope, answer: MessageEnvelope) -> None:
    payload, name = envelope.WhichOneof("payload"), request_name(envelope)
    if name == "get_system_info_request":
        _system_info(gateway, answer, answer.sender.din)
    elif name == "query_request":
        request = envelope.graphql.query_request
        answer.graphql.query_response.CopyFrom(graphql.answer(gateway, tedapi, request, answer.sender.din))
    elif payload == "filestore":
        _filestore(gateway, tedapi, envelope.filestore, answer.filestore)
    elif payload == "teg":
        _teg(gateway, tedapi, envelope.teg, answer.teg)
    elif payload == "authorization":
        _authorization(tedapi, envelope.authorization, answer.authorization)
    else:
        raise Refusal(UNIMPLEMENTED, f"{name or payload} is not implemented")


def _system_info(gateway: Gateway, answer: MessageEnvelope, unit: str) -> None:
    from tesla_protocol.energy_device.device_pb2 import DEVICE_TYPE_SITECONTROLLER  # noqa: PLC0415 - only gateways with TEDAPI need it

    info = answer.common.get_system_info_response
    info.device_id.part_number, _, info.device_id.serial_number = unit.partition("--")
    info.din = unit
    info.firmware_version.version = gateway.persona.firmware.strip()
    info.firmware_version.githash = bytes.fromhex(gateway.persona.git_hash.strip("+\n"))
    info.device_type = DEVICE_TYPE_SITECONTROLLER


def _filestore(
    gateway: Gateway, tedapi: Tedapi, request: FileStoreMessages, answer: FileStoreMessages
) -> None:
    name = request.WhichOneof("message")
    text, digest = config.blob(gateway, tedapi)
    if name == "read_file_request":
        if request.read_file_request.name != config.NAME:
            raise Refusal(NOT_FOUND, "no such file")
        answer.read_file_response.file.name = config.NAME
        if request.read_file_request.if_different_hash != digest:
            answer.read_file_response.file.blob = text
        answer.read_file_response.hash = digest
    elif name == "update_file_request":
        if request.update_file_request.hash != digest:
            raise Refusal(ABORTED, "the file has changed meanwhile")
        try:
            config.write(gateway, tedapi, request.update_file_request.file.blob)
        except (TypeError, ValueError) as exc:
            raise Refusal(INVALID_ARGUMENT, str(exc)) from exc
        answer.update_file_response.file.name = config.NAME
        answer.update_file_response.hash = config.blob(gateway, tedapi)[1]
    else:
        raise Refusal(UNIMPLEMENTED, f"{name} is not implemented")


def _teg(gateway: Gateway, tedapi: Tedapi, request: TEGMessages, answer: TEGMessages) -> None:
    from tesla_protocol.energy_device.teg_api_pb2 import TEGAPISetIslandModeResponse  # noqa: PLC0415 - only gateways with TEDAPI need it

    name = request.WhichOneof("message")
    gateway.catch_up()
    plant = gateway.plant
    if name == "set_island_mode_request":
        result = _set_island_mode(gateway, tedapi, request.set_island_mode_request.mode)
        words = f"TEG_SET_ISLAND_MODE_RESULT_{result.value}"
        answer.set_island_mode_response.CopyFrom(TEGAPISetIslandModeResponse(result=words))
    elif name == "schedule_manual_backup_event_request":
        info = request.schedule_manual_backup_event_request.scheduling_info
        tedapi.backup = Backup(info.start_time.seconds, info.duration_seconds, info.priority)
        plant.backup_until = plant.seconds + info.duration_seconds
        answer.schedule_manual_backup_event_response.SetInParent()
    elif name == "cancel_manual_backup_event_request":
        tedapi.backup, plant.backup_until = None, 0.0
        answer.cancel_manual_backup_event_response.SetInParent()
    elif name == "get_backup_events_request":
        response = answer.get_backup_events_response
        response.SetInParent()
        if tedapi.backup and tedapi.backup.start + tedapi.backup.duration_s > gateway.clock.wall():
            info = response.manual_backup_event.scheduling_info
            info.start_time.seconds = tedapi.backup.start
            info.duration_seconds = tedapi.backup.duration_s
            info.priority = tedapi.backup.priority
    elif name == "dispatch_battery_power_request":
        order = request.dispatch_battery_power_request.real_power
        plant.order(order.power_watts, order.duration_seconds)
        answer.dispatch_battery_power_response.SetInParent()
    else:
        raise Refusal(UNIMPLEMENTED, f"{name} is not implemented")


def _set_island_mode(gateway: Gateway, tedapi: Tedapi, mode: int) -> IslandResult:
    plant = gateway.plant
    if mode == ON_GRID_MODE:
        plant.contactor.close(plant.seconds)
        return IslandResult.ACCEPTED
    if mode != OFF_GRID_MODE:
        raise Refusal(INVALID_ARGUMENT, f"island mode {mode}")
    if tedapi.island_result is IslandResult.ACCEPTED:
        plant.contactor.open(plant.seconds)
    return tedapi.island_result


def _authorization(tedapi: Tedapi, request: AuthorizationMessages, answer: AuthorizationMessages) -> None:
    from tesla_protocol.energy_device.authorization_types_pb2 import AuthorizationRecord  # noqa: PLC0415 - only gateways with TEDAPI need it

    name = request.WhichOneof("message")
    if name != "list_authorized_clients_request":
        raise Refusal(UNIMPLEMENTED, f"{name} is not implemented")
    response = answer.list_authorized_clients_response
    response.SetInParent()
    for key, state in tedapi.keys.items():
        response.clients.append(AuthorizationRecord(public_key=key, state=f"AUTHORIZED_STATE_{state.value}"))
