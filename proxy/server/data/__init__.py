"""Cached readings and metrics as responses."""
