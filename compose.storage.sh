#!/bin/sh
# Starts the storage of compose.yaml. Each service has an account with least privilege, whose key is read from its secret file at every start. The administrator's
# key is random, changes at every start and is not stored. Objects are the files in /data/objects, their metadata is in /data/meta: a plain copy of both is a
# backup.
set -eu
umask 077

# ACCOUNT FILE. Secrets are usually hexadecimal, but any content must become a valid JSON string.
account() {
  secret=$(sed 's/[\\"]/\\&/g' "/run/secrets/$2")
  if [ -z "$secret" ]; then
    echo "secrets/$2 is empty; fill it: openssl rand -hex 24 >secrets/$2" >&2
    exit 2
  fi
  accounts="$accounts${accounts:+, }\"$1\": {\"access\": \"$1\", \"secret\": \"$secret\", \"role\": \"user\"}"
}

# ACCOUNT OBJECTS ACTION...: adds a statement to the bucket's policy. One for an account that does not exist has no effect.
allow() {
  statement=$(printf '{"Effect": "Allow", "Principal": "%s", "Resource": "arn:aws:s3:::%s%s", "Action": [' "$1" "$BUCKET" "$2")
  shift 2
  statement="$statement$(printf '"s3:%s",' "$@")"
  policy="$policy${policy:+, }${statement%,}]}"
}

[ -w /data ] || echo "waiting for the service storage-volume to make /data writable" >&2
until [ -w /data ]; do sleep 1; done

accounts=
account prompt2pic s3_secret_key
account prompt2pic-worker s3_secret_key_worker
[ ! -f /run/secrets/s3_secret_key_api ] || account prompt2pic-api s3_secret_key_api # with compose.api.yaml

policy=
allow prompt2pic "" ListBucket
allow prompt2pic "/images/*" GetObject DeleteObject
allow prompt2pic "/inputs/*" DeleteObject
allow prompt2pic "/previews/*" DeleteObject
allow prompt2pic-worker "/images/*" PutObject GetObject
allow prompt2pic-worker "/images/health/*" DeleteObject
allow prompt2pic-worker "/inputs/*" GetObject
allow prompt2pic-worker "/previews/*" PutObject DeleteObject
allow prompt2pic-api "/images/*" GetObject
allow prompt2pic-api "/inputs/*" PutObject
allow prompt2pic-api "/previews/*" GetObject
for account in prompt2pic prompt2pic-worker prompt2pic-api; do
  allow "$account" "/doctor/*" PutObject GetObject DeleteObject # prompt2pic doctor
done

rules=/data/meta/$BUCKET/meta
mkdir -p "/data/objects/$BUCKET" "$rules" /tmp/accounts
printf '{"accessAccounts": {%s}}' "$accounts" >/tmp/accounts/users.json
printf '{"Owner": "root", "Grantees": []}' >"$rules/acl"
printf '{"Version": "2012-10-17", "Statement": [%s]}' "$policy" >"$rules/policy.new"
mv "$rules/policy.new" "$rules/policy"

export ROOT_ACCESS_KEY=root
ROOT_SECRET_KEY=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')
export ROOT_SECRET_KEY
exec versitygw --quiet --port :9000 --admin-port /tmp/admin.socket --health /health --iam-dir /tmp/accounts posix --sidecar /data/meta /data/objects
