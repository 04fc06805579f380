#!/bin/bash
# Starts the Kafka of compose.yaml. Each service is a user with least privilege, whose password is read from its secret file at every start (SASL/PLAIN, in an
# internal network). The permissions are stored in /var/lib/kafka/data before the first client can connect, and again after this file has changed. The administrator
# is who runs a program in this container: /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9094 --list
set -euo pipefail
umask 077
data=/var/lib/kafka/data
config=/tmp/server.properties
permissions=$data/permissions
java=(java -cp "/opt/kafka/libs/*" -Dlog4j2.configurationFile=/tmp/log4j2.properties -Djava.awt.headless=true)
local_listeners=CONTROLLER://localhost:9093,LOCAL://localhost:9094

users=
user() {  # NAME FILE: adds a user
  local password
  password=$(<"/run/secrets/$2")
  if [[ ! $password =~ ^[A-Za-z0-9._~+/=-]+$ ]]; then
    echo "secrets/$2 is empty, or contains other characters than letters, digits and ._~+/=-; fill it: openssl rand -hex 24 >secrets/$2" >&2
    exit 2
  fi
  users+=" user_$1=\"$password\""
}

allow() {  # USERS OPERATIONS TOPICS [GROUP]: each a list of words; a topic or group stands for all whose names begin with it
  local -a words=()
  local word
  for word in $1; do words+=(--allow-principal "User:$word"); done
  for word in $2; do words+=(--operation "$word"); done
  for word in $3; do words+=(--topic "prompt2pic.$word"); done
  "${java[@]}" -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 org.apache.kafka.tools.AclCommand --bootstrap-server localhost:9094 --add \
    --resource-pattern-type prefixed "${words[@]}" ${4:+--group "prompt2pic.$4"} >/dev/null
}

# The bot and the API may each lead: send requests to workers.
allow_all() {
  allow "bot api worker" "Create Describe" "events control models dead-letters" &&
    allow "bot api" Read "events control models requests." dispatch &&
    allow "bot api" Write "events control requests." &&
    allow "bot api" Describe "" workers &&
    allow worker Read "events control requests." workers &&
    allow worker Write "events models dead-letters" &&
    allow worker "Create Alter" requests.
}

configure() {  # LISTENERS ADVERTISED
  cat >"$config" <<CONFIG
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@localhost:9093
controller.listener.names=CONTROLLER
listeners=$1
advertised.listeners=$2
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,LOCAL:PLAINTEXT
inter.broker.listener.name=LOCAL
listener.name.clients.sasl.enabled.mechanisms=PLAIN
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required$users;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs=$data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
CONFIG
}

cat >/tmp/log4j2.properties <<'LOG'
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
LOG

user bot kafka_password
user worker kafka_password_worker
[ ! -f /run/secrets/kafka_password_api ] || user api kafka_password_api  # with compose.api.yaml

configure "$local_listeners" LOCAL://localhost:9094
"${java[@]}" -Xmx128m kafka.tools.StorageTool format --ignore-formatted -t 5L6g3nShT-eMCtK--X86sw -c "$config" >&2

wanted=$(declare -f allow_all | sha256sum)
if [ "$(cat "$permissions" 2>/dev/null)" != "$wanted" ]; then
  "${java[@]}" -Xmx256m kafka.Kafka "$config" &
  broker=$!
  trap 'kill "$broker"; exit 143' TERM
  until (: </dev/tcp/localhost/9094) 2>/dev/null; do
    kill -0 "$broker" 2>/dev/null || exit 1
    sleep 1
  done
  allow_all || exit 1
  kill "$broker"
  wait "$broker" || true
  echo "$wanted" >"$permissions"
fi

configure "CLIENTS://:9092,$local_listeners" CLIENTS://kafka:9092,LOCAL://localhost:9094
# shellcheck disable=SC2086
exec "${java[@]}" $KAFKA_HEAP_OPTS kafka.Kafka "$config"
