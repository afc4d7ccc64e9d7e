"""The documents of the local API, rendered from a scene. Pure functions, one table of endpoints."""
