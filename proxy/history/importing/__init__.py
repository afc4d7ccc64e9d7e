"""Where a past may come from: a table of ours, an InfluxDB, a pypowerwall-server."""
