"""Measurements against other servers; `make bench`. See README.md in this folder."""
