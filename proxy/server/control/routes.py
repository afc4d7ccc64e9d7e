"""The rows of what can be set at a gateway."""

from __future__ import annotations

from dataclasses import replace

from proxy.server.route import READ, Route


def _control(path: str, summary: str) -> Route:
    return Route(
        path, summary, "Control", endpoint="control", methods=(*READ, "POST"), public=False, local=True
    )


CONTROL: tuple[Route, ...] = (
    _control("/control/mode", "Mode: self_consumption, backup or autonomous; with level= also the reserve"),
    _control("/control/reserve", "Backup reserve in percent of the app's scale; with mode= also the mode"),
    _control("/control/grid_charging", "Whether the battery may charge from the grid: true or false"),
    _control("/control/grid_export", "What may be exported: battery_ok, pv_only or never"),
    replace(
        _control(
            "/control/reserve_hold", "Keep the present charge: the reserve becomes the charge; POST with {}"
        ),
        endpoint="reserve_hold",
        methods=("POST",),
    ),
    replace(
        _control("/control/status", "Whether control is on; needs no secret"),
        endpoint="control_status",
        methods=READ,
    ),
    _control("/control/max_backup", "Fill the battery now, for so many seconds (at least 60), or cancel"),
    _control("/control/islanding", "Whether the house is off grid: true or false (PW_CONTROL_ISLANDING)"),
    _control("/control/storm_watch", "Whether the battery is filled before a storm: true or false (cloud)"),
    _control(
        "/control/off_grid_vehicle_reserve",
        "Charge that is kept from vehicles off grid, in percent of the app's scale (cloud)",
    ),
)
