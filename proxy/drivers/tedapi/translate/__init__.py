"""Pure translations of TEDAPI's documents into those of the local API."""
