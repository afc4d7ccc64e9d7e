"""Where a past may come from: a table of ours, an InfluxDB or its export, a pypowerwall-server, Tesla's cloud."""
