"""Everything by keyboard."""

import pytest
from playwright.sync_api import expect


def test_enter_sends_and_shift_enter_breaks_the_line(user, fake_api):
    page = user(routes=fake_api)
    page.prompt.press("Enter")
    page.prompt.type("one")
    page.prompt.press("Shift+Enter")
    page.prompt.type("two")
    expect(page.prompt).to_have_value("one\ntwo")
    page.prompt.press("Control+Enter")
    expect(page.pictures).to_have_count(1)
    expect(page.prompt).to_have_value("")
    expect(page.prompt).to_be_focused()
    assert [body["prompt"] for body in fake_api.bodies] == ["one\ntwo"]
    page.prompt.press("ArrowUp")
    expect(page.prompt).to_have_value("one\ntwo")


def test_control_enter_sends_from_the_settings(user, fake_api):
    page = user(routes=fake_api)
    page.prompt.fill("a tree")
    page.settings()
    page.find("#set-steps").fill("3")
    page.find("#set-steps").press("Control+Enter")
    expect(page.pictures).to_have_count(1)
    assert fake_api.bodies[0]["steps"] == 3


@pytest.mark.parametrize("text, selected, keys, result", [
    ("a red fox", (3, 3), "Up", "a (red:1.1) fox"),
    ("a red fox", (2, 9), "Up", "a (red fox:1.1)"),
    ("a red fox", (2, 2), "Up Up Up", "a (red:1.3) fox"),
    ("a red fox", (3, 3), "Down", "a (red:0.9) fox"),
    ("a (red:1.1) fox", (4, 4), "Down", "a red fox"),
    ("a (red fox:1.1)", (2, 15), "Up", "a (red fox:1.2)"),
    ("a (red) fox", (4, 4), "Up", "a (red:1.2) fox"),
    ("a red, fox", (10, 10), "Up", "a red, (fox:1.1)"),
    ("лиса в снегу", (0, 0), "Up", "(лиса:1.1) в снегу"),
    ("  ", (1, 1), "Up", "  "),
])
def test_control_arrows_change_a_weight(user, fake_api, text, selected, keys, result):
    page = user(routes=fake_api)
    page.prompt.fill(text)
    page.prompt.evaluate("(box, [start, end]) => box.setSelectionRange(start, end)", list(selected))
    for key in keys.split():
        page.prompt.press(f"Control+Arrow{key}")
    expect(page.prompt).to_have_value(result)


def test_escape_closes_the_settings_then_stops_editing(user, fake_api):
    page = user(routes=fake_api)
    card = page.draw("a tree")
    page.prompt.fill("my draft")
    page.act(card, "same_seed")
    expect(page.find("#editing")).to_be_visible()
    page.prompt.fill("a bush")
    page.settings()
    page.page.keyboard.press("Escape")
    expect(page.find("#settings")).to_be_hidden()
    expect(page.prompt).to_be_focused()
    expect(page.prompt).to_have_value("a bush")
    page.page.keyboard.press("Escape")
    expect(page.find("#editing")).to_be_hidden()
    expect(page.prompt).to_have_value("my draft")
    expect(page.find("#chips .chip")).to_have_count(0)


def test_arrows_move_between_pictures_and_the_focus_returns(user, fake_api):
    page = user(routes=fake_api)
    for text in ("first", "second"):
        page.draw(text)
    opener = page.find("#feed .canvas").first
    opener.focus()
    page.page.keyboard.press("Enter")
    viewer = page.find("dialog.viewer")
    expect(viewer.locator(".words")).to_have_text("first")
    page.page.keyboard.press("ArrowRight")
    expect(viewer.locator(".words")).to_have_text("second")
    page.page.keyboard.press("ArrowRight")
    expect(viewer.locator(".words")).to_have_text("second")
    page.page.keyboard.press("ArrowLeft")
    expect(viewer.locator(".words")).to_have_text("first")
    page.page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(opener).to_be_focused()


def test_a_menu_is_used_by_keyboard(user, fake_api):
    page = user(routes=fake_api)
    page.draw("a tree")
    page.find("figure .dots").focus()
    page.page.keyboard.press("Enter")
    expect(page.find("[role=menuitem]").first).to_be_focused()
    page.page.keyboard.press("ArrowUp")
    expect(page.find("[role=menuitem]").last).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(page.find("figure .dots")).to_be_focused()
    expect(page.find("[role=menu]")).to_be_hidden()


def test_the_history_on_a_small_screen_keeps_the_focus(user, fake_api):
    page = user(routes=fake_api, width=360, height=740)
    page.draw("a tree")
    expect(page.find("#history")).to_be_hidden()
    page.find("#history-open").click()
    expect(page.find("#search")).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(page.find("#history")).to_be_hidden()
    expect(page.find("#history-open")).to_be_focused()
    page.find("#history-open").click()
    page.entries.first.locator(".choose").click()
    expect(page.find("#history")).to_be_hidden()
    expect(page.find("#feed article")).to_be_focused()
