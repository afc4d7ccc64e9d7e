"""Send commands with otupy: ``producer.py HOST PORT``; prints status and results of each, a line of JSON."""

import json
import sys
from typing import ClassVar

import otupy
from otupy.encoders.json import JSONEncoder
from otupy.transfers.http.http_transfer import HTTPTransfer


@otupy.extension(nsid="x-powerwall")
class Results(otupy.Results):
    """What the profile adds to the results."""

    fieldtypes: ClassVar = {"battery_percentage": float, "grid_status": str, "age": float, "stale": bool}


EVERY = [otupy.Feature[name] for name in ("versions", "profiles", "pairs", "rate_limit")]
COMMANDS = [
    otupy.Command(otupy.Actions.query, otupy.Features([])),
    otupy.Command(otupy.Actions.query, otupy.Features(EVERY)),
    otupy.Command(otupy.Actions.query, otupy.Properties(["battery_percentage", "grid_status"])),
    otupy.Command(otupy.Actions.query, otupy.Properties(["colour"])),
    otupy.Command(otupy.Actions.deny, otupy.IPv4Net("10.0.0.0/8")),
]

if __name__ == "__main__":
    host, port = sys.argv[1:]
    transfer = HTTPTransfer(host, int(port), "/.well-known/openc2")
    producer = otupy.Producer("soar.example.net", JSONEncoder(), transfer)
    for command in COMMANDS:
        content = producer.sendcmd(command).content
        sys.stdout.write(json.dumps([content["status"].value, str(content.get("results"))]) + "\n")
