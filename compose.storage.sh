#!/bin/sh
# Starts the storage of compose.yaml. Each service has an account of its own, whose key is read from its secret file at every start, and may do to the bucket what
# it has to and nothing else. The administrator's key is random, told to nobody, and another at each start. Objects are the files in /data/objects, what is
# known about them lies in /data/meta: a plain copy of both is a backup.
set -eu
umask 077

# ACCOUNT FILE: a secret is hexadecimal as a rule, yet whatever it is, it has to be a string of JSON.
account() {
  secret=$(sed 's/[\\"]/\\&/g' "/run/secrets/$2")
  if [ -z "$secret" ]; then
    echo "secrets/$2 is empty; fill it: openssl rand -hex 24 >secrets/$2" >&2
    exit 2
  fi
  accounts="$accounts${accounts:+, }\"$1\": {\"access\": \"$1\", \"secret\": \"$secret\", \"role\": \"user\"}"
}

# ACCOUNT OBJECTS ACTION...: a statement of the bucket's policy; of an account that is not there it says nothing.
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
allow prompt2pic-worker "/images/*" PutObject GetObject
allow prompt2pic-worker "/images/health/*" DeleteObject
allow prompt2pic-api "/images/*" GetObject
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
