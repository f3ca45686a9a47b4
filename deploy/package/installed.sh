#!/bin/sh
# Makes the service known; whether it runs is for the administrator to say.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = configure ] && [ -z "$2" ]; then
    echo "entrepot is installed. Start it: systemctl enable --now entrepot"
elif [ -d /run/systemd/system ] && systemctl is-active --quiet entrepot; then
    systemctl restart entrepot
fi
