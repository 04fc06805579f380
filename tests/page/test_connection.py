"""Lost answers, restarts of the server, several tabs and users, keys."""

import pytest
from playwright.sync_api import expect

BROKEN = ["net::ERR_", "Failed to load resource"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_while_drawing_doubles_nothing(user, own_server, how):
    server = own_server()
    page = user(server.url, expected=BROKEN)
    page.choose("4")
    page.ask("a fox in the snow")
    expect(page.cards.first.locator("progress:not(.idle)")).to_be_visible()
    getattr(server, how)()
    page.prompt.fill("not sent yet")
    expect(page.find("#lost")).to_be_visible()
    server.start()
    expect(page.find("#lost")).to_be_hidden()
    expect(page.pictures).to_have_count(4, timeout=60_000)
    expect(page.cards).to_have_count(1)
    expect(page.prompt).to_have_value("not sent yet")
    assert len({key for key, _ in page.posts}) == 1


def test_a_prompt_sent_without_connection_is_sent_once_it_is_back(user, own_server):
    server = own_server()
    page = user(server.url, expected=BROKEN)
    expect(page.find(".example").first).to_be_visible()
    server.stop()
    page.ask("an owl")
    expect(page.find("#lost")).to_be_visible()
    expect(page.cards.first.locator(".status")).to_have_text("Sending…")
    server.start()
    expect(page.pictures).to_have_count(1)
    expect(page.cards).to_have_count(1)
    assert len(page.posts) > 1 and len({key for key, _ in page.posts}) == 1


def test_a_lost_answer_and_a_reload_double_nothing(user):
    page = user(expected=BROKEN)
    ids = []

    def lose(route):
        if route.request.method == "POST":
            ids.append(route.fetch().json()["id"])
        route.abort()
    page.page.route("**/v1/images/generations", lose)
    page.ask("a lost answer")
    page.page.wait_for_timeout(2000)  # several attempts
    page.page.unroute("**/v1/images/generations")
    page.reload()
    expect(page.pictures).to_have_count(1)
    expect(page.cards).to_have_count(1)
    assert len(set(ids)) == 1 and len({key for key, _ in page.posts}) == 1


def test_tabs_share_the_history_and_send_once(user):
    page = user()
    other = page.second_tab()
    page.ask("a shared owl")
    expect(other.cards).to_have_count(1)
    expect(page.pictures).to_have_count(1)
    expect(other.pictures).to_have_count(1)
    assert other.seeds() == page.seeds()
    assert len(page.posts) == 1
    page.ask("a tab that closes")
    expect(other.cards).to_have_count(2)
    page.page.close()
    expect(other.pictures).to_have_count(2)
    assert len({key for key, _ in page.posts}) == 2
    other.entries.first.locator(".delete").click()
    other.find("dialog [data-action=confirm]").click()
    expect(other.cards).to_have_count(1)


def test_two_browsers_are_separate_users(user):
    first, second = user(), user()
    with first.page.expect_response("**/v1/images/generations") as accepted:
        first.ask("only mine")
    number = accepted.value.json()["id"]
    expect(first.pictures).to_have_count(1)
    expect(second.cards).to_have_count(0)

    def status_for(page):
        token = page.page.evaluate("localStorage.getItem('prompt2pic.browser')")
        return page.context.request.get(f"{page.url}v1/requests/{number}", headers={"Authorization": f"Bearer {token}"}).status
    assert (status_for(first), status_for(second)) == (200, 404)


def test_a_key_is_asked_for_kept_and_changed(user, own_server):
    keys = ["first-key-of-the-test", "second-key-of-the-test"]
    server = own_server(P2P_API_KEYS=",".join(keys))
    page = user(server.url, expected=["401", *BROKEN[:1]])
    dialog = page.find("dialog.key")
    expect(dialog).to_contain_text("This server asks for a key")
    field = page.find("#key")
    expect(field).to_be_focused()
    assert field.get_attribute("type") == "password"
    field.fill("a wrong key of the test")
    field.press("Enter")
    expect(dialog.locator(".error")).to_have_text("The server does not accept this key.")
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.ask("a fox")  # asks again
    field.fill(keys[0])
    field.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.pictures).to_have_count(1)

    page.reload()
    expect(page.pictures).to_have_count(1)
    page.page.route("**/images/1", lambda route: route.abort())
    with page.page.expect_response("**/v1/images/generations"):
        page.ask("an owl")
    page.find("#key-open").click()
    field.fill(keys[1])
    field.press("Enter")
    expect(dialog).to_have_count(0)
    page.page.unroute("**/images/1")
    expect(page.pictures).to_have_count(2)  # the owl belongs to the first key
    with page.page.expect_request("**/v1/images/generations") as sent:
        page.draw("an apple")
    assert sent.value.headers["authorization"] == f"Bearer {keys[1]}"


def test_finished_pictures_stay_without_the_server(user, own_server):
    server = own_server()
    page = user(server.url, expected=BROKEN)
    card = page.draw("a fox")
    server.stop()
    expect(page.find("#lost")).to_be_visible(timeout=90_000)
    expect(page.pictures).to_have_count(1)
    with page.page.expect_download() as download:
        page.act(card, "download")
    assert open(download.value.path(), "rb").read(8) == b"\x89PNG\r\n\x1a\n"


def test_streams_leave_connections_for_other_calls(user):
    page = user()
    streams, most = set(), 0

    def opened(request):
        nonlocal most
        if request.url.endswith("/events"):
            streams.add(request)
            most = max(most, len(streams))
    page.context.on("request", opened)
    page.context.on("requestfinished", lambda request: streams.discard(request))
    page.context.on("requestfailed", lambda request: streams.discard(request))
    for number in range(5):
        page.ask(f"picture {number}")
    expect(page.find("#feed figure")).to_have_count(5)
    assert 1 <= most <= 2


def test_a_page_without_https_works_too(launch, own_server):
    """Browsers have neither locks nor a clipboard there."""
    server = own_server(P2P_PUBLIC_URL="http://pictures.test")
    browser = launch("--host-resolver-rules=MAP pictures.test 127.0.0.1")
    page = browser.new_context(locale="en-GB").new_page()
    page.goto(server.url.replace("127.0.0.1", "pictures.test"))
    assert page.evaluate("[isSecureContext, navigator.locks, navigator.clipboard]") == [False, None, None]
    page.fill("#prompt", "a fox")
    page.press("#prompt", "Enter")
    expect(page.locator("#feed figure button.canvas:not(.busy) img")).to_have_count(1)
    page.locator(".seed-value").click()
    expect(page.locator("#toast")).to_have_text("Copied")
    browser.close()
