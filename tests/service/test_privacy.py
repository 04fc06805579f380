"""/privacy and /forget, with the real store."""

from infra import wait_for
from servers import Minio


def test_a_user_can_delete_everything(serve, api, own):
    minio = own(Minio).start()
    service = serve(minio=minio, P2P_KEEP_DAYS=21, P2P_PRIVACY_CONTACT="https://example.org/privacy")
    service.start("worker"), service.start("bot")
    for chat in (7000, 7000, 7001):
        api.send_text("лиса", chat=chat, language="ru")
    api.wait_picture(7000, 2)
    api.wait_picture(7001)
    assert len(minio.objects()) == 3

    api.send_text("/privacy", chat=7000, language="ru")
    api.wait(lambda: any("21 день" in m.text and "https://example.org/privacy" in m.text for m in api.in_chat(7000)))
    api.send_text("/forget", chat=7000, language="ru")
    api.wait(lambda: any("/forget да" in m.text for m in api.in_chat(7000)))
    assert len(minio.objects()) == 3
    api.send_text("/forget да", chat=7000, language="ru")
    api.wait(lambda: any("Удалено: 2 запроса" in m.text for m in api.in_chat(7000)))
    wait_for(lambda: len([key for key in minio.objects() if "/health/" not in key]) == 1, 20, "two pictures are deleted")
    assert len(api.pictures(7001)) == 1
    picture = api.pictures(7000)[0]
    query = api.press(picture, "again")
    api.wait(lambda: any(call.method == "answerCallbackQuery" and call.params["callback_query_id"] == query for call in api.calls))
    answer = next(call for call in api.calls if call.method == "answerCallbackQuery" and call.params["callback_query_id"] == query)
    assert "устарела" in answer.params["text"] or "out of date" in answer.params["text"]
