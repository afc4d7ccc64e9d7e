"""TEDAPI over the wired network, signed with the owner's RSA key."""
