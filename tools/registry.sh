# shellcheck shell=bash
# Sourced (bash) by tools/image and tools/deploy.

# registry_login IMAGE: REGISTRY_USER and REGISTRY_TOKEN for the image's registry, in a folder that is deleted at exit.
registry_login() {
  DOCKER_CONFIG=$(mktemp -d)
  export DOCKER_CONFIG
  trap 'rm -rf "$DOCKER_CONFIG"' EXIT
  [ -n "${REGISTRY_TOKEN:-}" ] || return 0
  jq -n --arg registry "${1%%/*}" '{auths: {($registry): {auth: ("\(env.REGISTRY_USER):\(env.REGISTRY_TOKEN)" | @base64)}}}' >"$DOCKER_CONFIG/config.json"
}
