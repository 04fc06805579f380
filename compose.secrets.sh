#!/bin/sh
# Creates the passwords and keys of compose.yaml and its additions in the folder secrets, each random. Keeps those that exist, and does not create telegram_token.
set -eu
umask 022
cd "$(dirname "$0")"

mkdir -p secrets
chmod 700 secrets
for name in kafka_password kafka_password_worker kafka_password_api s3_secret_key s3_secret_key_worker s3_secret_key_api api_keys database_password grafana_password; do
  [ -s "secrets/$name" ] || openssl rand -hex 24 >"secrets/$name"
done
[ -s secrets/database_url ] || printf 'postgresql://bot:%s@database/bot\n' "$(cat secrets/database_password)" >secrets/database_url
chmod 644 secrets/*
