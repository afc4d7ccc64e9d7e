"""/control/*: reading and setting mode, reserve and rules."""
