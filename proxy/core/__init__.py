"""The pure centre: values and decisions. Nothing here reads a clock, a socket or the environment."""
