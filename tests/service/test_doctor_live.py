"""`prompt2pic doctor --live`: the last check before a bot goes live."""

import json
import os
import subprocess
import time

import pytest

from infra import BINARY, fetch, prompt2pic
from servers import USERS, Kafka

LIVE = ("Telegram", "Kafka", "storage", "database", "model", "updates", "topics", "clock", "CPU", "picture", "memory")


def live(service, *words, before=(), **changed):
    """(exit code, by check: (result, text))"""
    env = {**os.environ, **service.env, "P2P_DATA_DIR": service.folder / "fresh", **changed}
    command = [*before, BINARY, "doctor", "--live", "--json", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, env={name: str(value) for name, value in env.items()})
    code, text = done.returncode, done.stdout
    report = json.loads(text or "[]")
    assert [each["name"] for each in report] == list(LIVE), text + done.stderr
    return code, {each["name"]: (each["result"], each["text"]) for each in report}


def failures(found):
    return {name: text for name, (result, text) in found.items() if result == "failed"}


def test_a_working_deployment_passes(service, api, minio, tmp_path, monkeypatch):
    # The links' host has to be public; in a mount namespace, its address is this machine's.
    (tmp_path / "hosts").write_text("127.0.0.1 localhost pictures.example.org\n")
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'mount --bind {tmp_path}/hosts /etc/hosts && exec "$@"', "sh"]
    if subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("this machine permits no mount namespace")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    api.send_text("a cat", chat=8000)  # the user has pressed Start
    api.wait_picture(8000)
    code, found = live(service, "--chat", "8000", before=namespace, P2P_S3_PUBLIC_ENDPOINT=f"http://pictures.example.org:{minio.port}")
    assert code == 0 and [name for name, (result, text) in found.items() if result != "ok"] == [], found
    message = next(m for m in api.messages.values() if m.caption == "prompt2pic doctor")
    assert message.chat == 8000 and message.data.startswith(b"\x89PNG")
    [[button]] = message.keyboard
    assert fetch(button["url"].replace("pictures.example.org", "127.0.0.1"))[0] != 200, "the object is deleted at the end"
    assert "its link opens" in found["picture"][1] and "prompt2pic.events: 4 partitions, replicas 1, may be read and written" in found["topics"][1]
    assert found["updates"][1].startswith("the bot polls") and "a picture with flat took" in found["model"][1] and " of " in found["memory"][1]
    assert list((tmp_path / "here").iterdir()) == [], "nothing is written where it is started"


def test_what_would_fail_in_use_is_found(service, api):
    code, found = live(service)
    assert code == 0 and found["picture"] == ("not_set", "no chat to send it to; give --chat ID or set P2P_ADMINS")
    code, found = live(service, "--chat", "77777")
    assert code == 1 and list(failures(found)) == ["picture"] and "has to press Start" in found["picture"][1]
    api.send_text("a cat", chat=8000)
    api.wait_picture(8000)
    code, found = live(service, P2P_ADMINS="8000")
    assert code == 1 and list(failures(found)) == ["picture"] and "Could not resolve host" in found["picture"][1], found
    code, text = prompt2pic("doctor", "--live", "--chat", "8000", **{**service.env, "P2P_S3_PUBLIC_ENDPOINT": "http://127.0.0.1:1"})
    assert code == 0 and "\npicture: ok: a picture was sent to the chat 8000; no links" in text
    for seconds, words in ((90, "behind"), (-90, "ahead of")):
        api.clock_ahead = seconds
        code, found = live(service)
        assert code == 1 and list(failures(found)) == ["clock"] and words in found["clock"][1] and "synchronize it" in found["clock"][1], found
    api.clock_ahead = 0
    service.processes["bot"].stop()
    api.webhook = {"url": "https://elsewhere.example.org/hook"}
    code, found = live(service)
    assert code == 1 and "brings updates to https://elsewhere.example.org/hook" in failures(found)["updates"]
    mine = {"P2P_TELEGRAM_WEBHOOK_URL": "https://bot.example.org/hook", "P2P_TELEGRAM_WEBHOOK_SECRET": "s" * 40}
    code, found = live(service, **mine)
    assert code == 1 and "not to P2P_TELEGRAM_WEBHOOK_URL" in failures(found)["updates"]
    api.webhook, api.webhook_error = {"url": mine["P2P_TELEGRAM_WEBHOOK_URL"]}, (time.time() - 130, "Connection refused")
    code, found = live(service, **mine)
    assert code == 1 and "could not bring an update 2 min ago: Connection refused" in failures(found)["updates"]
    api.webhook_error = (time.time() - 7200, "Connection refused")
    assert live(service, **mine)[1]["updates"] == ("ok", "Telegram brings updates to the webhook; 0 updates wait")
    api.webhook = None
    code, found = live(service, **mine)
    assert code == 1 and "no webhook is set" in failures(found)["updates"]


def test_permissions_and_lost_replicas_are_found(own, serve):
    kafka = own(Kafka, secure=True).start()
    name = "scram512"
    secured = {"P2P_KAFKA_BROKERS": kafka.tls_brokers, "P2P_KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "P2P_KAFKA_SASL_MECHANISM": USERS[name][0],
               "P2P_KAFKA_USERNAME": name, "P2P_KAFKA_PASSWORD": USERS[name][1], "P2P_KAFKA_CA_FILE": kafka.certificates / "ca.crt"}
    kafka.allow(name)
    service = serve(kafka=kafka, **secured)
    service.start("worker"), service.start("bot")
    code, found = live(service)
    assert code == 0 and "may be read and written" in found["topics"][1], found
    kafka.forbid(name, "Write")
    code, found = live(service)
    assert code == 1 and "this user may not read and write prompt2pic.events" in failures(found)["topics"], found


def test_a_dead_brokers_replicas_are_found(own, serve):
    kafka = own(Kafka, brokers=3).start()
    service = serve(kafka=kafka)
    service.start("worker"), service.start("bot")
    code, found = live(service)
    assert code == 0 and "replicas 3" in found["topics"][1], found
    kafka.processes[2].kill()
    deadline = time.monotonic() + 60
    while "in sync" not in failures(found).get("topics", "") and time.monotonic() < deadline:
        code, found = live(service)
    assert code == 1 and "has 2 of 3 replicas in sync" in failures(found)["topics"], found


def test_nothing_is_written_without_a_store(api, tmp_path):
    api.send_text("a cat", chat=8000)
    env = {"P2P_TELEGRAM_TOKEN": api.token, "P2P_TELEGRAM_API_URL": api.url, "P2P_MODEL": "flat"}
    done = subprocess.run([BINARY, "doctor", "--live", "--chat", "8000"], cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    assert "picture: not set: pictures go to a folder that no service has made yet" in done.stdout and done.returncode == 0, done.stdout
    assert list(tmp_path.iterdir()) == []
