import pytest

from api_caller import KEYS
from bot_api import BotApi
from infra import Proxy, Service
from servers import Kafka, Minio


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
def own(tmp_path):
    """Creates brokers and stores for a single test."""
    made = []
    yield lambda part, **options: made.append(part(tmp_path / f"{part.__name__}{len(made)}", **options)) or made[-1]
    for each in made:
        each.stop()


@pytest.fixture
def proxy():
    """Creates TCP proxies to ports that can be blocked."""
    made = []
    yield lambda port: made.append(Proxy(port)) or made[-1]
    for each in made:
        each.stop()


@pytest.fixture
def serve(tmp_path, api, kafka, minio, own):
    """Creates services. Checks at the end that no secret is in a log, and that the bot has violated no rule of Telegram."""
    made = []

    def make(kafka=kafka, minio=minio, **settings):
        made.append(Service(tmp_path / f"service{len(made)}", api, kafka, minio, **settings))
        return made[-1]
    yield make
    for each in made:
        each.stop()
    assert api.violations == []
    for each in made:
        for secret in (api.token.split(":")[1], Minio.SECRET):
            assert secret not in each.logs()


@pytest.fixture
def service(serve):
    """Bot and one worker, ready."""
    both = serve()
    both.start("worker")
    both.start("bot")
    return both


@pytest.fixture
def running(serve):
    """The API with two keys and one worker, ready."""
    service = serve(P2P_API_KEYS=",".join(KEYS))
    service.start("worker")
    service.start("api")
    return service
