"""The bot's database in PostgreSQL: several bots share it, one of them works."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from infra import BINARY, prompt2pic, wait_for
from replicas import Replicas
from servers import Postgres

CONTRACT = pathlib.Path(os.environ.get("P2P_CHAT_STORE_CONTRACT", BINARY.parent / "p2p_chat_store_contract"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Postgres(tmp_path_factory.mktemp("postgres") / "p").start()
    yield server
    server.stop()


@pytest.fixture
def postgres(server):
    """Empty."""
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prompt2pic'")
    server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return server


def test_the_store_keeps_its_contract(postgres):
    """The tests that SQLite passes in the unit tests."""
    done = subprocess.run([CONTRACT, "--gtest_brief=1"], capture_output=True, text=True, timeout=600, env={**os.environ, "P2P_DATABASE_URL": postgres.url})
    assert done.returncode == 0 and "PASSED" in done.stdout, done.stdout + done.stderr


def test_one_works_and_another_takes_over(serve, api, postgres):
    service = serve(P2P_USER_QUEUE=3, P2P_LOG_LEVEL="info")
    bots = Replicas(service, postgres)
    bots.start()  # both are ready, so a balancer gives updates to both
    service.start("worker", P2P_FLAT_MS=100)
    api.wait(lambda: api.webhook)
    for chat in range(20):
        api.send_text("a fox", chat=100 + chat)
    for chat in range(20):
        api.wait_picture(100 + chat)
    assert set(api.webhook_calls) == {200}

    first = wait_for(bots.working, 20, "one works")
    service.processes[first].kill()
    for chat in range(20):
        api.send_text("an owl", chat=200 + chat)
    for chat in range(20):
        api.wait_picture(200 + chat)
    assert bots.working() != first
    assert max(len(api.pictures(chat)) for chat in [*range(100, 120), *range(200, 220)]) == 1


def test_limits_hold_across_bots(serve, api, postgres):
    service = serve(P2P_USER_QUEUE=3)
    bots = Replicas(service, postgres)
    bots.start()  # without a worker requests wait
    api.wait(lambda: api.webhook)
    for _ in range(6):
        api.send_text("a fox", chat=300)
    api.wait(lambda: sum("3" in m.text and m.reply_to is not None for m in api.messages.values() if m.chat == 300 and "wait" in m.text.lower()) >= 1, 20, "some are refused")
    wait_for(lambda: postgres.sql("SELECT COUNT(*) FROM inbox") == "0", 20, "all updates were taken")
    assert postgres.sql("SELECT COUNT(*) FROM requests") == "3"
    service.start("worker")  # other tests use the same broker
    api.wait_picture(300, 3)


def test_a_suspended_bot_loses_the_database(serve, api, postgres):
    service = serve(P2P_LOG_LEVEL="info")
    bots = Replicas(service, postgres)
    bots.start()
    service.start("worker")
    api.wait(lambda: api.webhook)
    first = wait_for(bots.working, 20, "one works")
    second = next(name for name in bots.names if name != first)
    bots.proxy.target = service.ports[second]
    service.processes[first].signal(signal.SIGSTOP)
    api.send_text("a fox", chat=400)
    api.wait_picture(400)
    service.processes[first].signal(signal.SIGCONT)
    wait_for(lambda: "the connection to PostgreSQL is lost" in bots.log(first), 20, "the first notices")
    api.send_text("an owl", chat=400)
    api.wait(lambda: len(api.pictures(400)) == 2)
    assert bots.working() == second
    service.wait_ready(first)


def test_the_server_may_restart(serve, api, postgres):
    service = serve(P2P_LOG_LEVEL="info")
    bots = Replicas(service, postgres)
    bots.start()
    service.start("worker", P2P_FLAT_MS=300)
    api.wait(lambda: api.webhook)
    for chat in range(5):
        api.send_text("a fox", chat=500 + chat)
    api.wait(lambda: any(m.chat == 500 for m in api.messages.values()))
    postgres.stop()
    api.send_text("an owl", chat=510)  # refused, so Telegram repeats it
    time.sleep(2)
    postgres.start()
    for chat in [*range(500, 505), 510]:
        api.wait_picture(chat)
    assert max(len(api.pictures(chat)) for chat in range(500, 511)) == 1
    for name in bots.names:
        service.wait_ready(name)


def test_versions_and_addresses(serve, postgres):
    service = serve()
    bots = Replicas(service, postgres)
    bots.start("bot1")
    wait_for(bots.working, 20, "it works")
    env = {**service.env, "P2P_DATABASE_URL": postgres.url}
    code, output = prompt2pic("doctor", **env)
    assert "database: ok" in output, output
    service.processes["bot1"].stop()
    postgres.sql("INSERT INTO schema_version VALUES (99)")
    code, output = prompt2pic("bot", **env)
    assert code == 2 and "has version 99" in output, output
    code, output = prompt2pic("doctor", **{**env, "P2P_DATABASE_URL": "postgresql://bot:secret-password@127.0.0.1:1/x"})
    assert "database: FAILED: PostgreSQL cannot be reached" in output and "secret-password" not in output, output
    code, output = prompt2pic("bot", **{**env, "P2P_DATABASE_URL": "mysql://x"})
    assert code == 2 and "postgresql://" in output, output
