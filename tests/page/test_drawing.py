"""Pictures: drawn, kept, drawn again in other ways, cancelled."""

import re

from playwright.sync_api import expect

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_prompt_becomes_a_picture_that_survives_a_reload(user):
    page = user()
    card = page.draw("a fox in the snow")
    expect(card.locator(".words")).to_have_text("a fox in the snow")
    seeds = page.seeds()
    assert len(seeds) == 1

    with page.context.expect_page() as opened:
        page.act(card, "original")
    opened.value.wait_for_url(re.compile("^http"))
    answer = page.context.request.get(opened.value.url)
    assert answer.ok and answer.body().startswith(PNG)
    opened.value.close()

    page.reload()
    expect(page.pictures).to_have_count(1)
    assert page.pictures.first.get_attribute("src").startswith("blob:")  # the copy of the browser, not the link
    assert page.seeds() == seeds
    expect(page.entries).to_have_count(1)
    expect(page.entries.first).to_contain_text("a fox in the snow")
    assert len(page.posts) == 1


def test_an_example_fills_the_prompt_and_progress_is_shown(user):
    page = user()
    example = page.find("#examples .example").first
    text = example.text_content()
    example.click()
    expect(page.prompt).to_have_value(text)
    expect(page.prompt).to_be_focused()
    page.choose("4")
    page.find("#send").click()
    expect(page.cards.first.locator("progress")).to_be_visible()
    expect(page.cards.first.locator(".status")).to_contain_text(re.compile(r"\d"))  # the place or the percentage
    expect(page.pictures).to_have_count(4)
    expect(page.find("#announcer")).to_contain_text(text)


def test_again_variation_and_same_seed(user):
    page = user()
    first = page.draw("a red apple")
    seed = page.seeds()[0]

    page.act(first, "again")
    expect(page.pictures).to_have_count(2)
    assert "seed" not in page.posts[-1][1]
    again = page.seeds(page.cards.last)[0]
    assert again != seed

    page.act(first, "variation")
    expect(page.pictures).to_have_count(3)
    body = page.posts[-1][1]
    assert body["seed"] == seed and len(body["variation"]) == 1 and body["prompt"] == "a red apple"

    page.act(first, "same_seed")
    expect(page.prompt).to_be_focused()
    expect(page.prompt).to_have_value("a red apple")
    page.draw("a green apple")
    body = page.posts[-1][1]
    assert (body["prompt"], body["seed"]) == ("a green apple", seed) and "variation" not in body
    assert page.seeds(page.cards.last) == [seed]
    assert len({key for key, _ in page.posts}) == 4


def test_four_pictures_have_successive_seeds(user):
    page = user()
    page.choose("4")
    page.draw("an owl", count=4)
    seeds = page.seeds()
    assert seeds == list(range(seeds[0], seeds[0] + 4))
    assert len(page.posts) == 1 and page.posts[0][1]["n"] == 4
    page.find("#feed .canvas").nth(1).click()
    expect(page.find("dialog.viewer")).to_contain_text(str(seeds[1]))


def test_a_request_is_cancelled(user):
    page = user()
    page.choose("4")
    for text in ("one", "two", "three"):
        page.ask(text)
    expect(page.cards).to_have_count(3)
    last = page.cards.last
    last.locator("[data-action=cancel]").click()
    expect(last.locator(".status")).to_have_text("Cancelled.")
    expect(page.find("#feed figure")).to_have_count(8)
    expect(last.locator(".status")).to_have_text("Cancelled.")
    page.reload()
    expect(page.cards.last.locator(".status")).to_have_text("Cancelled.")


def test_copied_parameters_are_those_in_the_file(user):
    page = user(permissions=["clipboard-read", "clipboard-write"])
    card = page.draw("a cat face")
    page.act(card, "copy_parameters")
    expect(page.find("#toast")).to_have_text("Copied")
    text = page.page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("a cat face\n") and f"Seed: {page.seeds()[0]}" in text and "Version: " in text
    page.act(card, "copy_prompt")
    page.page.wait_for_function("async () => await navigator.clipboard.readText() === 'a cat face'")
    with page.page.expect_download() as download:
        page.act(card, "download")
    assert download.value.suggested_filename == f"a-cat-face-{page.seeds()[0]}.png"
    assert text.encode() in open(download.value.path(), "rb").read()


def test_history_is_searched_and_deleted(user):
    page = user()
    for text in ("a red apple", "a green pear"):
        page.draw(text)
    search = page.find("#search")
    search.fill("PEAR")
    expect(page.entries).to_have_count(1)
    search.fill("plum")
    expect(page.find("#no-entries")).to_have_text("Nothing found.")
    search.fill("")
    page.entries.filter(has_text="apple").locator(".delete").click()
    page.find("dialog [data-action=confirm]").click()
    expect(page.entries).to_have_count(1)
    expect(page.cards).to_have_count(1)
    page.find("#delete-all").click()
    page.find("dialog [data-action=confirm]").click()
    expect(page.cards).to_have_count(0)
    expect(page.find("#welcome")).to_be_visible()
    page.reload()
    expect(page.find("#welcome")).to_be_visible()
    assert page.page.evaluate("""() => new Promise((resolve) => {
      const open = indexedDB.open('prompt2pic');
      open.onsuccess = () => {
        const count = open.result.transaction('pictures').objectStore('pictures').count();
        count.onsuccess = () => resolve(count.result);
      };
    })""") == 0


def test_markup_in_a_prompt_is_inert(user):
    page = user()
    text = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script><b>fox</b> {0} $&"
    card = page.draw(text)
    expect(card.locator(".words")).to_have_text(text)
    expect(page.entries.first.locator(".words")).to_have_text(text)
    assert page.find("main b, main script, aside b, main img[onerror]").count() == 0
    page.find("#feed .canvas").click()
    expect(page.find("dialog .words")).to_have_text(text)
    assert page.page.title() == "Prompt2Pic"


def test_a_slow_drawing_shows_previews(user, own_server):
    page = user(own_server(P2P_DECODER_STEPS="1000").url)
    page.ask("a red apple")
    card = page.cards.first
    preview = card.locator("img[alt=Preview]")
    expect(preview).to_be_visible()
    expect(preview).to_have_js_property("naturalWidth", 128)
    first = preview.get_attribute("src")
    assert first.startswith("blob:")
    # A busy machine gives the second one late, since previews take a twentieth of the time at most.
    expect(preview).not_to_have_attribute("src", first, timeout=60_000)
    card.locator("[data-action=cancel]").click()
    expect(preview).to_have_count(0)
