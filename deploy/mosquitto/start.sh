#!/bin/sh
# Start the broker with the users of the ACL; passwords come from the environment.
set -eu
umask 077
config=${1:-/mosquitto/config/mosquitto.conf}
file=$(sed -n 's/^password_file //p' "$config")
: > "$file"
add() {
    if [ -n "$2" ]; then
        mosquitto_passwd -b "$file" "$1" "$2"
    fi
}
add powerwall-proxy "${MQTT_PASSWORD:-}"
add homeassistant "${HOMEASSISTANT_PASSWORD:-}"
add reader "${READER_PASSWORD:-}"
exec mosquitto -c "$config"
