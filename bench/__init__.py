"""Measurements against other servers; `make bench`. See docs/measurements.md."""
