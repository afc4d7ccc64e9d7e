# Makes the database when the data folder of InfluxDB is empty: the entry point of its image runs this file, and
# INFLUX_CMD runs a statement. Days and months begin at midnight of PW_TIMEZONE.
$INFLUX_CMD "$(sed "s|tz('UTC')|tz('${PW_TIMEZONE:-UTC}')|" "${INIT_IQL:-/etc/powerwall/init.iql}")"
