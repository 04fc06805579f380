#!/bin/bash
# Starts PostgreSQL as the image postgres does for these variables: at first a new cluster, with a user and a database.
set -euo pipefail
umask 077
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  # shellcheck disable=SC2086
  initdb -D "$data" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust $POSTGRES_INITDB_ARGS
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
  postgres --single -D "$data" postgres <<<"CREATE DATABASE $POSTGRES_DB"
fi
exec postgres -D "$data" -c listen_addresses='*'
