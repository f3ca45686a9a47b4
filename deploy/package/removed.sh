#!/bin/sh
# Stops the service when the package goes, and not when it is replaced.
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --now entrepot || true; fi
