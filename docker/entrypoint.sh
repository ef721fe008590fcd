#!/bin/sh
# Secrets come as files: NAME_FILE=/run/secrets/x becomes NAME in the environment of this process.
set -eu
for pair in $(env | grep -o '^[A-Z_]*_FILE=/run/secrets/[A-Za-z0-9_]*$' || true); do
  secret=$(cat "${pair#*=}")
  export "${pair%%_FILE=*}=$secret"
done
exec "$@"
