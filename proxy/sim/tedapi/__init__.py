"""The installer interface of the simulated gateway: TEDAPI by password, and v1r by signature.

Documents are rendered from the same scene as the local API's, so that a house reports
one story in every dialect. Wire format and traps: docs/protocol.md, "TEDAPI".
"""
