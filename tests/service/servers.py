"""The servers that the services are tested with: Kafka brokers and MinIO, on free ports, each in its own folder."""

import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import tempfile
import time

from infra import CACHE, Process, fetch, free_port, run, wait_for

JVM = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", "-cp", f"{CACHE}/kafka-4.3.1/libs/*"]
USERS = {"plain": ("PLAIN", "plain-secret"), "scram256": ("SCRAM-SHA-256", "s256-secret"), "scram512": ("SCRAM-SHA-512", "s512-secret"), "nobody": ("SCRAM-SHA-512", "nobody-secret")}


def make_certificates(folder):
    """A CA and a certificate for localhost: ca.crt, server.crt, server.key, server.p12."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=test CA", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.csr")
    run("openssl", "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "30",
        "-extfile", folder / "names", "-out", folder / "server.crt")
    run("openssl", "pkcs12", "-export", "-in", folder / "server.crt", "-inkey", folder / "server.key", "-certfile", folder / "ca.crt", "-name", "broker",
        "-passout", "pass:changeit", "-out", folder / "server.p12")
    return folder


class Kafka:
    """Brokers that are also controllers. secure: adds a listener with TLS and SASL, and ACLs (the plain listener is for the administrator)."""

    def __init__(self, folder, brokers=1, secure=False):
        self.folder, self.secure = folder, secure
        folder.mkdir(parents=True)
        self.ports = [free_port() for _ in range(brokers)]
        self.controllers = [free_port() for _ in range(brokers)]
        self.tls_ports = [free_port() for _ in range(brokers)]
        self.certificates = make_certificates(folder / "certificates") if secure else None
        (folder / "log4j2.properties").write_text("status=error\nappender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\n"
                                                  "appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n\nrootLogger.level=warn\nrootLogger.appenderRefs=out\nrootLogger.appenderRef.out.ref=out\n")
        self.jvm = JVM[:1] + [f"-Dlog4j2.configurationFile={folder}/log4j2.properties"] + JVM[1:]
        self.identity = run(*self.jvm, "kafka.tools.StorageTool", "random-uuid").split()[-1]
        self.processes = []
        for number in range(brokers):
            self._configure(number)
            config = folder / f"broker-{number}.properties"
            self.processes.append(Process(f"broker-{number}", folder, self.jvm + ["-Xms256m", "-Xmx256m", "kafka.Kafka", config]))

    def _configure(self, number):
        count = len(self.ports)
        replicas = min(count, 3)
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(self.controllers))
        listeners = f"CONTROLLER://127.0.0.1:{self.controllers[number]},PLAIN://127.0.0.1:{self.ports[number]}"
        advertised = f"PLAIN://127.0.0.1:{self.ports[number]}"
        protocols = "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT"
        text = f"""process.roles=broker,controller
node.id={number + 1}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={self.folder}/data-{number}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
"""
        scram = []
        if self.secure:
            listeners += f",CLIENT://127.0.0.1:{self.tls_ports[number]}"
            advertised += f",CLIENT://localhost:{self.tls_ports[number]}"
            protocols += ",CLIENT:SASL_SSL"
            plain = " ".join(f'user_{name}="{password}"' for name, (mechanism, password) in USERS.items() if mechanism == "PLAIN")
            jaas = "org.apache.kafka.common.security"
            text += f"""listener.name.client.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.client.plain.sasl.jaas.config={jaas}.plain.PlainLoginModule required {plain};
listener.name.client.scram-sha-256.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.client.scram-sha-512.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.client.ssl.keystore.type=PKCS12
listener.name.client.ssl.keystore.location={self.certificates}/server.p12
listener.name.client.ssl.keystore.password=changeit
listener.name.client.ssl.key.password=changeit
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""
            for name, (mechanism, password) in USERS.items():
                if mechanism != "PLAIN":
                    scram += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        text += f"listeners={listeners}\nadvertised.listeners={advertised}\nlistener.security.protocol.map={protocols}\n"
        config = self.folder / f"broker-{number}.properties"
        config.write_text(text)
        run(*self.jvm, "kafka.tools.StorageTool", "format", "-t", self.identity, "-c", config, *scram)

    @property
    def brokers(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    @property
    def tls_brokers(self):
        return ",".join(f"localhost:{port}" for port in self.tls_ports)

    def start(self, *numbers):
        for number in numbers or range(len(self.ports)):
            self.processes[number].start()
        for number in numbers or range(len(self.ports)):
            wait_for(lambda n=number: self._answers(n), 60, f"broker {number} answers; {self.processes[number].log}")
        return self

    def _answers(self, number):
        from confluent_kafka.admin import AdminClient
        assert self.processes[number].alive(), self.processes[number].text()[-2000:]
        try:
            admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.ports[number]}", "log_level": 0, "log.connection.close": False})
            return len(admin.list_topics(timeout=1).brokers) == len([p for p in self.processes if p.alive()])
        except Exception:
            return False

    def kill(self, number=0):
        self.processes[number].kill()

    def stop(self):
        for process in self.processes:
            process.kill()

    def lose_data(self):
        """Deletes all data while the brokers are stopped, as after a disk failure."""
        self.stop()
        for number in range(len(self.ports)):
            shutil.rmtree(self.folder / f"data-{number}")
            self._configure(number)

    def allow(self, user, prefix="prompt2pic."):
        """Permits everything on topics and groups with this prefix."""
        for kind in ("--topic", "--group"):
            self._add_acl("--allow-principal", f"User:{user}", "--operation", "All", kind, prefix)

    def forbid(self, user, operation, prefix="prompt2pic."):
        self._add_acl("--deny-principal", f"User:{user}", "--operation", operation, "--topic", prefix)

    def _add_acl(self, *words):
        run(*self.jvm, "org.apache.kafka.tools.AclCommand", "--bootstrap-server", self.brokers, "--add", *words, "--resource-pattern-type", "prefixed")

    def read(self, topic, timeout=1.0):
        """All records of the topic: (key, value as JSON or bytes, headers, partition)."""
        import json
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "reader", "enable.auto.commit": False, "log_level": 0})
        metadata = consumer.list_topics(topic, timeout=10).topics[topic]
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in metadata.partitions}
        consumer.assign([TopicPartition(topic, p, low) for p, (low, high) in ends.items()])
        wanted, records, deadline = sum(high - low for low, high in ends.values()), [], time.monotonic() + 20
        while len(records) < wanted and time.monotonic() < deadline:
            message = consumer.poll(timeout)
            if message is None or message.error():
                continue
            try:
                value = json.loads(message.value())
            except ValueError:
                value = message.value()
            records.append(((message.key() or b"").decode(), value, dict(message.headers() or []), message.partition()))
        consumer.close()
        return records

    def produce(self, topic, value, key="", headers=None):
        """In the partition that the program would choose, so that events of a request are read in order."""
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": self.brokers, "log_level": 0})
        producer.produce(topic, value=value, key=key, headers=headers or [])
        assert producer.flush(10) == 0


class Minio:
    ACCESS, SECRET, BUCKET = "test:key", "test-secret-123", "pictures"

    def __init__(self, folder, tls=False):
        folder.mkdir(parents=True)
        (folder / "data" / self.BUCKET).mkdir(parents=True)  # a folder in its data is a bucket
        self.port = free_port()
        certificates = folder / "certificates"
        certificates.mkdir()
        self.ca = None
        if tls:
            made = make_certificates(folder / "made")
            (certificates / "public.crt").write_bytes((made / "server.crt").read_bytes())
            (certificates / "private.key").write_bytes((made / "server.key").read_bytes())
            self.ca = made / "ca.crt"
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.process = Process("minio", folder, [CACHE / "minio/minio", "server", "--quiet", "--address", f"127.0.0.1:{self.port}", "--certs-dir", certificates, folder / "data"],
                               {"MINIO_ROOT_USER": self.ACCESS, "MINIO_ROOT_PASSWORD": self.SECRET, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "GOMAXPROCS": "2"})

    def start(self):
        self.process.start()

        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                return False
            return self.ca or fetch(self.url + "/minio/health/ready")[0] == 200
        wait_for(answers, 60, "MinIO answers")
        return self

    def stop(self):
        self.process.kill()

    def objects(self):
        folder = self.process.log.parent / "data" / self.BUCKET
        return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("xl.meta"))

    def metadata(self, key):
        """As MinIO stores it; small objects are in it too."""
        return (self.process.log.parent / "data" / self.BUCKET / key / "xl.meta").read_bytes()

    def settings(self):
        return {"P2P_S3_ENDPOINT": self.url, "P2P_S3_BUCKET": self.BUCKET, "P2P_S3_ACCESS_KEY": self.ACCESS, "P2P_S3_SECRET_KEY": self.SECRET,
                "P2P_S3_PUBLIC_ENDPOINT": "https://pictures.example.org", **({"P2P_S3_CA_FILE": str(self.ca)} if self.ca else {})}


class Postgres:
    """PostgreSQL, which does not run as root."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.bin = max((CACHE / "postgres/usr/lib/postgresql").glob("*/bin"), default=None) or max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        libraries = ":".join(str(path) for path in (CACHE / "postgres/usr/lib").glob("*-linux-gnu"))
        self.env = {**os.environ, "LD_LIBRARY_PATH": libraries, "LC_ALL": "C"}
        self.nobody = []
        self.data = folder / "data"
        if os.geteuid() == 0:
            self.nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            # Its own folder, because nobody cannot enter those of root.
            self.data = pathlib.Path(tempfile.mkdtemp(prefix="prompt2pic-postgres-"))
            atexit.register(shutil.rmtree, self.data, ignore_errors=True)
            os.chown(self.data, 65534, 65534)
        self.port = free_port()
        self.url = f"postgresql://bot@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-D", self.data, "-U", "bot", "-A", "trust", "--no-sync")
        self.process = Process("postgres", folder, self.command("postgres", "-D", self.data, "-p", self.port, "-k", "", "-c", "listen_addresses=127.0.0.1"), self.env)

    def command(self, program, *words):
        return [*self.nobody, self.bin / program, *words]

    def run(self, program, *words):
        return run(*self.command(program, *words), env=self.env)

    def sql(self, text):
        return self.run("psql", "-At", "-d", self.url, "-c", text).strip()

    def start(self):
        self.process.start()

        def answers():
            try:
                return self.sql("SELECT 1") == "1"
            except AssertionError:
                return False
        wait_for(answers, 60, "PostgreSQL answers")
        return self

    def stop(self):
        self.process.signal(signal.SIGINT)  # a fast shutdown
        if self.process.process:
            self.process.process.wait(60)
