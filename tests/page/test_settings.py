"""The settings: only what the model can do is offered, and what is chosen is sent. Errors of the API are explained."""

import copy

import pytest
from playwright.sync_api import expect

from fake_api import MODEL


def card_of(**changes):
    model = copy.deepcopy(MODEL)
    model["card"].update(changes)
    return model


def test_chosen_settings_are_sent_and_stay(user, fake_api):
    page = user(routes=fake_api)
    page.settings()
    page.choose("3:2")
    page.choose("2")
    for name, value in {"negative_prompt": "blur", "steps": "12", "guidance": "5.5", "seed": "42"}.items():
        page.find(f"#set-{name}").fill(value)
    page.find("#set-sampler").select_option("dpmpp_2m_karras")
    page.draw("a castle", count=2)
    body = {"prompt": "a castle", "model": "every", "size": "960x640", "n": 2, "negative_prompt": "blur", "steps": 12, "guidance": 5.5, "seed": 42,
            "sampler": "dpmpp_2m_karras"}
    assert fake_api.bodies == [body]
    assert page.seeds() == [42, 43]
    page.reload()
    page.find(".chip[data-name=seed]").click()
    page.find(".chip[data-name=n]").click()
    page.draw("a bridge")
    assert fake_api.bodies[1] == {name: value for name, value in {**body, "prompt": "a bridge"}.items() if name not in ("seed", "n")}


@pytest.mark.parametrize("changes, sizes", [
    ({}, ["", "640x960", "960x640", "576x1024", "1024x576"]),
    ({"max_pixels": 600_000}, ["", "640x896", "896x640", "576x1024", "1024x576"]),
    ({"sizes": ["768x768", "512x512"]}, ["", "512x512"]),
])
def test_formats_have_the_area_of_the_default(user, fake_api, changes, sizes):
    fake_api.models = [card_of(**changes)]
    page = user(routes=fake_api)
    page.settings()
    assert page.find("input[name=set-size]").evaluate_all("(all) => all.map((each) => each.value)") == sizes


def test_what_the_model_cannot_do_is_not_offered(user, fake_api):
    fake_api.models = [card_of(features=[], samplers=["ddpm"], sizes=["768x768"]), {"id": "old", "object": "model", "owned_by": "prompt2pic"}]
    fake_api.outcome = {"offers": []}
    page = user(routes=fake_api)
    labels = page.settings().locator("label:not(.option), legend")
    expect(labels).to_have_text(["Model", "Pictures", "Steps", "Guidance", "Seed"])
    page.find("#set-model").select_option("old")
    expect(labels).to_have_text(["Model", "Pictures", "Seed"])
    card = page.draw("a tree")
    assert fake_api.bodies == [{"prompt": "a tree", "model": "old"}]
    assert card.locator("[data-action=variation], [data-action=larger]").count() == 0


def test_larger_and_repeated_variations_send_the_same_request(user, fake_api):
    page = user(routes=fake_api)
    page.find("#prompt").wait_for()
    page.choose("2")
    card = page.draw("a whale", count=2)
    second = card.locator("figure").nth(1)
    second.locator("[data-action=larger]").click()
    expect(page.pictures).to_have_count(3)
    assert fake_api.bodies[1] == {"prompt": "a whale", "model": "every", "seed": 1001, "upscale": 2}
    second.locator("[data-action=variation]").click()
    expect(page.pictures).to_have_count(4)
    page.act(page.cards.last, "variation")
    expect(page.pictures).to_have_count(5)
    once, twice = fake_api.bodies[2:]
    assert once["seed"] == twice["seed"] == 1001
    assert twice["variation"][:1] == once["variation"] and len(twice["variation"]) == 2


def test_wrong_values_are_not_sent(user, fake_api):
    page = user(routes=fake_api)
    page.settings()
    page.find("#set-steps").fill("0")
    page.ask("a tree")
    expect(page.find("#set-steps")).to_be_focused()
    expect(page.find("#toast")).to_contain_text("Steps")
    expect(page.prompt).to_have_value("a tree")
    page.find("#set-steps").fill("")
    page.prompt.fill("ё" * 8200)
    page.prompt.press("Enter")
    expect(page.find("#toast")).to_contain_text("too long")
    assert fake_api.bodies == []


@pytest.mark.parametrize("refusal, locale, text", [
    ((429, "queue_full", "you have 5"), "en-GB", "You already have as many requests waiting"),
    ((429, "queue_full", "you have 5"), "ru-RU", "В очереди уже столько ваших запросов"),
    ((400, "invalid_value", "steps: <i>0</i>"), "ru-RU", "измените его в настройках: steps: <i>0</i>"),
    ((400, "a_new_code", "<b>do this</b>"), "ru-RU", "<b>do this</b>"),
])
def test_errors_say_what_to_do(user, fake_api, refusal, locale, text):
    fake_api.refusal = refusal
    page = user(routes=fake_api, locale=locale, expected=[f"status of {refusal[0]}"])
    page.ask("a tree")
    expect(page.cards.first.locator(".error")).to_contain_text(text)
    fake_api.refusal = None
    page.find("[data-action=retry]").click()
    expect(page.pictures).to_have_count(1)
    assert page.posts[0][0] == page.posts[1][0] and len(page.posts) == 2  # the same key: a lost answer would double nothing


def test_a_failed_request_is_explained_and_can_be_repeated(user, fake_api):
    fake_api.outcome = {"status": "failed", "data": None, "error": {"code": "content_policy_violation", "message": "withheld"}}
    page = user(routes=fake_api)
    page.ask("a tree")
    expect(page.cards.first.locator(".error")).to_have_text("The safety checker withheld this picture. Try other words.")
    fake_api.outcome = {}
    page.find("[data-action=again]").click()
    expect(page.pictures).to_have_count(1)
    assert len(set(fake_api.keys)) == 2


def test_the_oldest_requests_make_room(user, fake_api):
    page = user(routes=fake_api)
    page.page.evaluate("""() => new Promise((resolve) => {
      const open = indexedDB.open('prompt2pic');
      open.onsuccess = () => {
        const all = open.result.transaction('requests', 'readwrite');
        for (let i = 0; i < 500; ++i)
          all.objectStore('requests').put({ key: `old-${i}`, time: 1000 + i, status: 'cancelled', body: { prompt: `old ${i}` } });
        all.oncomplete = resolve;
      };
    })""")
    page.reload()
    expect(page.find("#entries > li")).to_have_count(500)
    expect(page.find("#limit")).to_contain_text("500")
    page.draw("a new one")
    expect(page.find("#entries > li")).to_have_count(500)
    expect(page.find("#entries > li .words").first).to_have_text("a new one")
    expect(page.find("#entries > li .words").last).to_have_text("old 1")


def test_details_and_notices_are_in_the_users_language(user, fake_api):
    fake_api.outcome = {"notices": ["drawn at 64x64"], "notice_translations": {"ru": ["нарисовано в размере 64x64"]}}
    page = user(routes=fake_api, locale="ru-RU", expected=["status of 400"])
    drawn = page.draw("лиса")
    expect(drawn.locator(".notice")).to_have_text("Обратите внимание: нарисовано в размере 64x64")
    fake_api.outcome = {"status": "failed", "data": None, "error": {"code": "cannot_do", "message": "too large", "translations": {"ru": "слишком большой размер"}}}
    page.ask("сова")
    expect(page.cards.last.locator(".status")).to_have_text("Такое нарисовать нельзя: слишком большой размер")
    fake_api.refusal = (400, "cannot_do", "no pictures")
    page.ask("волк")
    expect(page.cards.last.locator(".status")).to_have_text("Такое нарисовать нельзя: no pictures")
    page.find("#language").click()
    expect(drawn.locator(".notice")).to_have_text("Note: drawn at 64x64")
    page.reload()
    expect(page.find(".notice")).to_have_text("Note: drawn at 64x64")
