"""TEDAPI, the installer interface: protobuf messages over HTTPS.

The only local source of everything on a Powerwall 3 and, from firmware
23.44.0, of device data on the others. ``messages`` knows the bytes, ``wire``
and ``driver`` talk to the gateway, the other modules translate its documents
to the shapes of the local API: pure functions of ``Facts``.
"""
