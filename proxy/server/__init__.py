"""What LAN clients see: routes, pages, status."""
