"""All gateways of the process, and the totals of its sites."""
