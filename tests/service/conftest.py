import itertools

import pytest

from bot_api import BotApi
from infra import Kafka, Minio, Service

numbers = itertools.count()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("kafka") / "k").start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def minio(tmp_path_factory):
    server = Minio(tmp_path_factory.mktemp("minio") / "m").start()
    yield server
    server.stop()


@pytest.fixture
def api():
    server = BotApi().start()
    yield server
    server.stop()


@pytest.fixture
def service(tmp_path, api, kafka, minio):
    """Bot and one worker, ready; their secrets must not stand in any log, nor may the bot have broken a rule of Telegram's."""
    both = Service(tmp_path / "service", api, kafka, minio)
    both.start("worker")
    both.start("bot")
    yield both
    both.stop()
    assert api.violations == []
    for secret in (api.token.split(":")[1], Minio.SECRET):
        assert secret not in both.logs()
