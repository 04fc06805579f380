"""Brokers that come back with empty data, and topics that are deleted: new requests are drawn and those in flight are answered, without a restart."""

import time

import pytest
from confluent_kafka.admin import AdminClient

from infra import wait_for
from servers import Kafka
from api_caller import Caller
from test_faults import pictures_of

WITHIN = 60  # seconds, from the brokers' return


def lose_data(kafka):
    kafka.lose_data()
    time.sleep(3)
    kafka.start()


def delete_topics(kafka, prefix="prompt2pic."):
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
    for deleted in admin.delete_topics(names).values():
        deleted.result(20)


def delete_requests(kafka):
    delete_topics(kafka, "prompt2pic.requests.")


def delete_events(kafka):
    delete_topics(kafka, "prompt2pic.events")


@pytest.mark.parametrize("lose", [lose_data, delete_topics, delete_requests, delete_events])
def test_topics_may_be_lost(api, own, serve, lose):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka, P2P_FLAT_MS=4000)
    for name in ("worker", "bot", "api"):
        service.start(name)
    caller = Caller(service, key=None)
    api.send_text("before", chat=4500)
    caller.settled(caller.ask("before")[2]["id"])
    api.wait_picture(4500)

    chats = [4501, 4502, 4503]
    for chat in chats:
        api.send_text("a cat", chat=chat)
    calls = [caller.ask("a fox")[2]["id"] for _ in range(2)]
    api.wait(lambda: any(api.in_chat(chat) and "Drawing" in api.in_chat(chat)[0].text for chat in chats), what="one is drawn")
    lose(kafka)
    back = time.monotonic()

    def accepted():
        status, headers, body = caller.ask("after")
        assert status in (202, 503), body
        return status == 202 and body["id"]
    api.send_text("after", chat=4504)
    calls.append(wait_for(accepted, WITHIN, "the API accepts"))
    for call in calls:
        assert caller.settled(call, WITHIN)["status"] == "finished"
    for chat in (*chats, 4504):
        api.wait_picture(chat, timeout=WITHIN)
    print(f"all answered {time.monotonic() - back:.1f} s after the topics were lost")
    time.sleep(2)
    assert set(pictures_of(api, (*chats, 4504)).values()) == {1}
    assert not any("Nobody here" in message.text for message in api.in_chat(4504))
    for name in ("worker", "bot", "api"):
        service.wait_ready(name, 10)
