"""The HTTP API while instances, workers, Kafka or the storage fail."""

import http.client
import threading
import time

from api_caller import Caller, ends
from infra import fetch, wait_for
from servers import Kafka, Minio


def test_nothing_is_lost_when_a_process_dies(serve, kafka):
    """Two instances and two workers are killed in turn; every request ends once, and every instance reports it."""
    service = serve(P2P_FLAT_MS=150, P2P_USER_QUEUE=1000)
    names = ["worker", "worker2", "api", "api2"]
    for name in names:
        service.start(name)
    over, accepted = threading.Event(), []

    def ask(name):
        caller = Caller(service, name, key=None)
        while not over.wait(0.15):
            try:
                status, headers, body = caller.ask()
            except (OSError, http.client.HTTPException, ValueError):
                continue
            if status == 202:
                accepted.append(body["id"])
    threads = [threading.Thread(target=ask, args=(name,)) for name in ("api", "api2")]
    for thread in threads:
        thread.start()
    for name in ("api", "worker", "api2", "worker2", "api"):
        time.sleep(2)
        service.processes[name].kill()
        service.start(name, ready=False)
    time.sleep(2)
    over.set()
    for thread in threads:
        thread.join()
    service.wait_ready("api")
    assert len(accepted) > 30
    for id in accepted:
        assert Caller(service, "api", key=None).settled(id, 60)["status"] == "finished"
    service.wait_ready("api2")
    assert {Caller(service, "api2", key=None).status(id)["status"] for id in accepted} == {"finished"}
    ended = ends(kafka)
    assert all(ended[id] == ["finished"] for id in accepted)


def test_suspended_leader_sends_nothing_twice(serve, kafka):
    service = serve(P2P_FLAT_MS=100, P2P_USER_QUEUE=1000)
    service.start("api")
    service.start("worker")
    wait_for(lambda: "leads" in service.processes["api"].text(), 20, "the first leads")
    service.start("api2")
    first, second = Caller(service, "api", key=None), Caller(service, "api2", key=None)
    assert first.ask(prefer="wait=20")[0] == 200
    service.processes["api"].signal(19)  # SIGSTOP
    ids = [second.ask()[2]["id"] for _ in range(20)]
    for id in ids:
        assert second.settled(id, 40)["status"] == "finished"
    service.processes["api"].signal(18)  # SIGCONT
    ids += [(first if n % 2 else second).ask()[2]["id"] for n in range(20)]
    for id in ids:
        assert second.settled(id, 40)["status"] == "finished"
    ended = ends(kafka)
    assert all(ended[id] == ["finished"] for id in ids)


def test_reports_kafka_outage_and_recovers(own, serve):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    service.start("worker")
    service.start("api")
    caller = Caller(service, key=None)
    id = caller.ask()[2]["id"]
    assert caller.settled(id)["status"] == "finished"
    kafka.kill()
    wait_for(lambda: fetch(service.url("api", "/readyz"))[0] == 503, 30, "it is not ready")
    status, headers, body = caller.ask()
    assert status == 503 and headers["Retry-After"] and body["error"]["type"] == "server_error"
    assert caller.status(id)["status"] == "finished"
    kafka.start()
    wait_for(lambda: caller.ask(prefer="wait=5")[0] == 200, 60, "it draws again")


def test_deleted_picture_and_unavailable_store(own, serve):
    minio = own(Minio).start()
    service = serve(minio=minio)
    service.start("worker")
    service.start("api")
    caller = Caller(service, key=None)
    id = caller.ask(prefer="wait=20")[2]["id"]
    assert caller.call("GET", f"/v1/requests/{id}/images/1")[0] == 200
    minio.stop()
    assert caller.call("GET", f"/v1/requests/{id}/images/1")[0] == 503
    minio.start()
    for path in (minio.process.log.parent / "data" / minio.BUCKET).rglob("*-1.png"):
        for part in sorted(path.rglob("*"), reverse=True):
            part.unlink() if part.is_file() else part.rmdir()
        path.rmdir()
    status, headers, body = caller.call("GET", f"/v1/requests/{id}/images/1")
    assert status == 410 and body["error"]["code"] == "gone"


def test_stop_leaves_waiting_requests_to_next_instance(running):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=2000)
    caller, answers = Caller(running), []
    thread = threading.Thread(target=lambda: answers.append(caller.ask(prefer="wait=60")))
    thread.start()
    time.sleep(0.5)
    before = time.monotonic()
    assert running.processes["api"].stop() == 0 and time.monotonic() - before < 40
    thread.join()
    assert answers[0][0] == 202
    running.start("api")
    assert caller.settled(answers[0][2]["id"])["status"] == "finished"
