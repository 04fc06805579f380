"""The operator's view: checks with advice, settings without secrets, and clean stops."""

import json
import signal
import time

import pytest

from infra import BINARY, Process, fetch, free_port, prompt2pic, wait_for
from test_service import ends


def lines(text):
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def test_doctor_reports_working_service(service):
    code, text = prompt2pic("doctor", **{**service.env, "P2P_DATA_DIR": service.folder / "fresh"})
    found = lines(text)
    assert code == 0, text
    assert found["Telegram"] == "ok: the bot is @Prompt2PicTestBot"
    assert found["Kafka"] == "ok: 1 brokers answer; 1 workers, which draw with flat"
    assert found["storage"] == "ok: an object was stored, read and deleted; people open links to pictures"
    assert found["database"] == "ok: it can be written" and found["model"] == "ok: can be drawn with: flat"
    code, text = prompt2pic("doctor", **service.env)
    assert code == 0 and lines(text)["database"].startswith("ok"), "also beside the bot that holds the database"
    code, text = prompt2pic("doctor", **{**service.env, "P2P_TELEGRAM_TOKEN": "", "P2P_KAFKA_BROKERS": "", "P2P_DATA_DIR": service.folder / "fresh"})
    assert code == 0 and "not set: P2P_TELEGRAM_TOKEN" in text and "not set: P2P_KAFKA_BROKERS" in text


BROKEN = {
    "Telegram": [({"P2P_TELEGRAM_TOKEN": "1:wrong"}, "take the current one from @BotFather into P2P_TELEGRAM_TOKEN"),
                 ({"P2P_TELEGRAM_API_URL": "http://127.0.0.1:1"}, "set P2P_TELEGRAM_PROXY or P2P_TELEGRAM_API_URL"),
                 ({"P2P_TELEGRAM_PROXY": "socks5h://a:b@127.0.0.1:1"}, "set P2P_TELEGRAM_PROXY")],
    "Kafka": [({"P2P_KAFKA_BROKERS": "127.0.0.1:1"}, "check P2P_KAFKA_BROKERS"),
              ({"P2P_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext"}, "P2P_KAFKA_SASL_MECHANISM, P2P_KAFKA_USERNAME and P2P_KAFKA_PASSWORD must be set"),
              ({"P2P_KAFKA_SECURITY_PROTOCOL": "ssl"}, "P2P_KAFKA_SECURITY_PROTOCOL")],
    "storage": [({"P2P_S3_SECRET_KEY": "mistyped"}, "check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY and P2P_S3_REGION"),
                ({"P2P_S3_ACCESS_KEY": "nobody"}, "check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY and P2P_S3_REGION"),
                ({"P2P_S3_BUCKET": "no-such-bucket"}, "the bucket has to exist, set P2P_S3_BUCKET"),
                ({"P2P_S3_ENDPOINT": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
                ({"P2P_S3_ENDPOINT": ""}, "these must be set too: P2P_S3_ENDPOINT")],
    "database": [({"P2P_DATABASE_URL": "sqlite:////proc/nowhere/x.db"}, "set P2P_DATABASE_URL or P2P_DATA_DIR"),
                 ({"P2P_DATABASE_URL": "postgresql://bot@127.0.0.1:1/d"}, "PostgreSQL cannot be reached (P2P_DATABASE_URL)")],
    "model": [({"P2P_MODEL": "nobody-has-this"}, "there is no model 'nobody-has-this'"), ({"P2P_MODEL": "../x"}, "there is no such file")],
}


@pytest.mark.parametrize("part", BROKEN)
def test_doctor_reports_problem(service, part):
    for change, words in BROKEN[part]:
        code, text = prompt2pic("doctor", **{**service.env, "P2P_DATA_DIR": service.folder / "fresh", **change})
        found = lines(text)
        assert code == 1 and found[part].startswith("FAILED") and words in found[part], text
        assert [name for name, finding in found.items() if finding.startswith("FAILED")] == [part], text


def test_damaged_database_is_reported(service):
    (service.folder / "damaged.db").write_bytes(b"no database" * 1000)
    env = {**service.env, "P2P_DATABASE_URL": f"sqlite:///{service.folder}/damaged.db"}
    code, text = prompt2pic("doctor", **env)
    assert code == 1 and "database: FAILED" in text and "damaged.db" in text
    code, text = prompt2pic("bot", **{**env, "P2P_HTTP_LISTEN": "127.0.0.1:0"})
    assert code in (1, 2) and "damaged.db" in text


def test_config_shows_settings_and_hides_secrets(tmp_path):
    (tmp_path / "key").write_text("s3-secret-from-file\n")
    (tmp_path / "prompt2pic.toml").write_text('user_queue = 7\nkafka_password = "kafka-secret"\n')
    env = {"P2P_TELEGRAM_TOKEN": "1:token-secret", "P2P_S3_SECRET_KEY_FILE": tmp_path / "key", "P2P_TELEGRAM_PROXY": "http://u:proxy-secret@h:1", "P2P_USER_IN_FLIGHT": 3}
    code, text = prompt2pic("config", "--json", "--config", str(tmp_path / "prompt2pic.toml"), "--steps", "12", **env)
    assert code == 0
    settings = {each["env"]: each for each in json.loads(text)}
    assert [settings[name]["value"] for name in ("P2P_USER_QUEUE", "P2P_USER_IN_FLIGHT", "P2P_STEPS", "P2P_DECODER_STEPS")] == ["7", "3", "12", ""]
    assert len({settings[name]["source"] for name in ("P2P_USER_QUEUE", "P2P_USER_IN_FLIGHT", "P2P_STEPS", "P2P_DECODER_STEPS")}) == 4, "file, environment, flag, default"
    assert all(each["sentence"] and each["takes"] for each in settings.values())
    table = prompt2pic("config", "--config", str(tmp_path / "prompt2pic.toml"), **env)[1]
    for name in ("P2P_TELEGRAM_TOKEN", "P2P_S3_SECRET_KEY", "P2P_KAFKA_PASSWORD", "P2P_TELEGRAM_PROXY"):
        assert settings[name]["secret"] and settings[name]["flag"] is None
    for secret in ("token-secret", "s3-secret-from-file", "kafka-secret", "proxy-secret"):
        assert secret not in text + table
    for change in ({"P2P_USER_QUEUE": "many"}, {"P2P_TELEGRAM_TOKEN": "no-colon-secret"}, {"P2P_S3_SECRET_KEY_FILE": "/nowhere"}, {"P2P_LOG_LEVEL": "loud"}):
        code, text = prompt2pic("config", **{**env, **change})
        name = next(iter(change))
        assert code == 2 and name in text and "secret" not in text.replace("SECRET", ""), text


def test_health_is_the_exit_code_of_livez(service):
    for name in ("bot", "worker"):
        listen = {"P2P_HTTP_LISTEN": f"127.0.0.1:{service.ports[name]}"}
        assert prompt2pic("health", **listen) == (0, "alive\n")
        assert prompt2pic("health", "--http-listen", f"0.0.0.0:{service.ports[name]}")[0] == 0
    service.processes["worker"].signal(signal.SIGSTOP)
    assert prompt2pic("health", **listen)[0] == 1, "it does not answer"
    service.processes["worker"].signal(signal.SIGCONT)
    assert prompt2pic("health", P2P_HTTP_LISTEN=f"127.0.0.1:{free_port()}")[0] == 1, "nobody listens"


@pytest.mark.parametrize("command", ["bot", "worker"])
def test_missing_settings_are_reported_at_start(tmp_path, command):
    env = {"P2P_TELEGRAM_TOKEN": "1:x", "P2P_MODEL": "flat", "P2P_DATA_DIR": tmp_path, "P2P_HTTP_LISTEN": "127.0.0.1:0"}
    code, text = prompt2pic(command, **env)
    assert code == 2 and "P2P_KAFKA_BROKERS is not set" in text
    for change in ({"P2P_S3_BUCKET": "b"}, {"P2P_HTTP_LISTEN": "nowhere"}, {"P2P_KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}, {"P2P_MODEL": "A/B C"}):
        code, text = prompt2pic(command, **{**env, "P2P_KAFKA_BROKERS": "127.0.0.1:1", **change})
        assert code == 2 and next(iter(change)) in text, text
    if command == "bot":
        code, text = prompt2pic("bot", **{**env, "P2P_KAFKA_BROKERS": "127.0.0.1:1", "P2P_TELEGRAM_TOKEN": ""})
        assert code == 2 and "P2P_TELEGRAM_TOKEN is not set" in text and "@BotFather" in text
    code, text = prompt2pic(command, "--no-such-flag")
    assert code == 2 and prompt2pic(command, "--help")[0] == 0


def test_wrong_token_ends_bot_with_advice(service):
    service.processes["bot"].stop()
    code, text = prompt2pic("bot", **{**service.env, "P2P_TELEGRAM_TOKEN": "1:wrong", "P2P_HTTP_LISTEN": "127.0.0.1:0"})
    assert code == 2 and "set P2P_TELEGRAM_TOKEN" in text and "1:wrong" not in text


def test_two_bots_do_not_share_a_database(service):
    code, text = prompt2pic("bot", **{**service.env, "P2P_HTTP_LISTEN": "127.0.0.1:0"})
    assert code == 2 and "in use by another process" in text and "P2P_DATABASE_URL" in text


@pytest.mark.parametrize("seconds", [5, 100])
def test_a_worker_stops_with_work_in_hand(service, api, kafka, seconds):
    """Short drawings are finished, long ones handed back; both are drawn in the end."""
    service.processes["worker"].stop()
    worker = service.start("worker", P2P_FLAT_MS=seconds * 1000)
    chats = (8000, 8001)
    for chat in chats:
        api.send_text("a cat", chat=chat)
    # Their events are in two partitions, which are read in any order.
    drawn = api.wait(lambda: next((chat for chat in chats if any("Drawing" in m.text for m in api.in_chat(chat))), None), what="one is drawn")
    start = time.monotonic()
    worker.signal(signal.SIGTERM)
    wait_for(lambda: fetch(service.url("worker", "/readyz")) == (503, "not ready: stopping\n"), 2, "it says that it stops")
    assert fetch(service.url("worker", "/livez"))[0] == 200
    assert worker.process.wait(60) == 0
    print(f"stopped after {time.monotonic() - start:.1f} s (limit 60)")
    assert len(api.pictures(drawn)) == (1 if seconds < 60 else 0)
    service.start("worker2")
    for chat in chats:
        api.wait_picture(chat)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_a_bot_stops_with_work_in_hand(service, api, kafka):
    api.fail("editMessageMedia", "slow", 1, seconds=4)
    api.send_text("a cat", chat=8010)
    api.wait(lambda: not api.faults, what="the picture is under way")
    for chat in range(8011, 8016):
        api.send_text("a cat", chat=chat)
    start = time.monotonic()
    bot = service.processes["bot"]
    bot.signal(signal.SIGTERM)
    wait_for(lambda: fetch(service.url("bot", "/readyz")) == (503, "not ready: stopping\n"), 2, "it says that it stops")
    assert bot.process.wait(60) == 0
    print(f"stopped after {time.monotonic() - start:.1f} s (limit 60)")
    assert len(api.pictures(8010)) == 1, "what was under way has ended"
    service.start("bot")
    for chat in range(8010, 8016):
        api.wait_picture(chat)
    time.sleep(1)
    assert len(api.pictures()) == 6
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_an_interrupt_and_a_stop_while_parts_are_away(tmp_path):
    env = {"P2P_TELEGRAM_TOKEN": "1:x", "P2P_TELEGRAM_API_URL": "http://127.0.0.1:1", "P2P_MODEL": "flat", "P2P_DATA_DIR": str(tmp_path), "P2P_KAFKA_BROKERS": "127.0.0.1:1"}
    for command in ("bot", "worker"):
        for number in (signal.SIGTERM, signal.SIGINT):
            port = free_port()
            process = Process(f"{command}{number}", tmp_path, [BINARY, command], {**env, "P2P_HTTP_LISTEN": f"127.0.0.1:{port}"}).start()
            wait_for(lambda: fetch(f"http://127.0.0.1:{port}/readyz")[0] == 503, 10, "it serves")
            time.sleep(0.5)
            process.signal(number)
            assert process.process.wait(20) == 0


@pytest.mark.parametrize("part", ["Telegram", "storage"])
def test_a_bot_stops_in_time_though_a_part_hangs(api, minio, serve, proxy, part):
    way = proxy(api.port if part == "Telegram" else minio.port)
    service = serve(**{"P2P_TELEGRAM_API_URL" if part == "Telegram" else "P2P_S3_ENDPOINT": f"http://127.0.0.1:{way.port}"})
    service.start("worker", P2P_S3_ENDPOINT=minio.url), service.start("bot")
    for chat in range(8020, 8040):
        api.send_text("a cat", chat=chat)
    api.wait(lambda: api.pictures())
    way.set("stall")
    time.sleep(1)
    start = time.monotonic()
    service.processes["bot"].signal(signal.SIGTERM)
    assert service.processes["bot"].process.wait(60) == 0
    took = time.monotonic() - start
    print(f"stopped after {took:.1f} s (limit 40: 60 less what a slower machine may take)")
    assert took < 40
    way.set("pass")
    service.start("bot")
    for chat in range(8020, 8040):
        api.wait_picture(chat)
    time.sleep(1)
    assert len(api.pictures()) == 20
