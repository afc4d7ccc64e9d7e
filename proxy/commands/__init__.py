"""The subcommands: one module each, with ``run(args) -> exit code``."""
