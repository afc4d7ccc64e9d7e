"""The log: its format, and how repeated events are limited."""
