"""One gateway and all that belongs to it; and the gateways of the process."""
