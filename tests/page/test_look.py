"""How the page looks: screenshots in the folder build/page/, accessibility, languages and themes."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

WIDTHS = {360: 740, 768: 1024, 1440: 900}
LOCALES = {"ru": "ru-RU", "en": "en-GB"}
PROMPTS = {"ru": ("лиса в снегу", "сова на жёлтом фоне"), "en": ("a fox in the snow", "an owl on a yellow background")}
TITLES = {"ru": "Что нарисовать?", "en": "What shall I draw?"}


class Look:
    """Takes screenshots; each must fit its width and have no serious problem of accessibility."""

    def __init__(self, page, folder, name):
        self.page, self.folder, self.name = page, folder, name

    def take(self, what):
        page = self.page.page
        page.screenshot(path=self.folder / f"{self.name}-{what}.png")
        wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{what} is {wide} px too wide"
        outside = page.evaluate("""() => [...document.querySelectorAll('main, header, footer, dialog, button, input, textarea, select')]
          .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest('.unseen, [inert], pre, table'))
          .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 || each.scrollWidth > each.clientWidth + 1 && each.matches('main'))
          .map((each) => each.outerHTML.slice(0, 120))""")
        assert outside == [], what
        found = [f"{each['id']}: {each['help']}: {[node['html'][:150] for node in each['nodes'][:3]]}"
                 for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
        assert found == [], what


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_looks_right(user, artefacts, width, theme, language):
    page = user(width=width, height=WIDTHS[width], locale=LOCALES[language], color_scheme=theme, reduced_motion="reduce")
    look = Look(page, artefacts, f"{width}-{theme}-{language}")
    expect(page.find("#welcome h2")).to_have_text(TITLES[language])
    expect(page.find(".example").first).to_be_visible()
    look.take("start")
    first, second = PROMPTS[language]
    page.draw(first)
    page.choose("2")
    look.take("settings")
    page.draw(second, count=2)
    look.take("pictures")
    page.find("figure .dots").last.click()
    look.take("menu")
    page.page.keyboard.press("Escape")
    page.find("#feed .canvas").first.click()
    expect(page.find("dialog.viewer img")).to_have_js_property("complete", True)
    look.take("viewer")
    page.page.keyboard.press("Escape")
    page.find("#key-open").click()
    look.take("key")
    page.page.keyboard.press("Escape")
    if page.find("#history-open").is_visible():
        page.find("#history-open").click()
        look.take("history")
        page.page.keyboard.press("Escape")
    page.page.goto(page.url + "docs")
    expect(page.find("section.operation").first).to_be_visible()
    look.take("docs")


def test_the_documentation_has_every_operation(user):
    page = user()
    page.page.goto(page.url + "docs")
    expect(page.find("#generate")).to_contain_text("negative_prompt")
    described = page.context.request.get(page.url + "openapi.json").json()
    expected = sum(len(set(item) & {"get", "post", "delete"}) for item in described["paths"].values())
    expect(page.find("section.operation")).to_have_count(expected)
    expect(page.find("#generate pre")).to_contain_text(f"curl -X POST '{page.url}v1/images/generations'")
    page.find("#language").click()
    expect(page.find("#generate")).to_contain_text("Пример")


def test_the_language_is_switched_and_kept(user):
    page = user(locale="ru-RU")
    expect(page.find("html")).to_have_attribute("lang", "ru")
    page.draw("лиса")
    expect(page.find("[data-action=again]")).to_have_text("Ещё раз")
    page.find("#language").click()
    expect(page.find("html")).to_have_attribute("lang", "en")
    expect(page.find("[data-action=again]")).to_have_text("Again")
    expect(page.prompt).to_have_attribute("placeholder", "What shall I draw?")
    page.reload()
    expect(page.find("[data-action=again]")).to_have_text("Again")


@pytest.mark.parametrize("locale, language", [("uk-UA", "en"), ("be-BY", "ru"), ("de-DE", "en")])
def test_the_language_follows_the_browser(user, locale, language):
    expect(user(locale=locale).find("html")).to_have_attribute("lang", language)


def test_the_theme_is_switched_and_kept(user):
    page = user(color_scheme="light")

    def background():
        return page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    light = background()
    page.find("#theme").click()  # light
    page.find("#theme").click()  # dark
    dark = background()
    assert dark != light
    page.reload()
    assert background() == dark
    page.find("#theme").click()  # as the system
    assert background() == light


def test_texts_exist_in_both_languages(user):
    missing = user().page.evaluate("""async () => {
      const [en, ru] = await Promise.all(['/page/texts_en.js', '/page/texts_ru.js'].map((name) => import(name)));
      const differ = (one, other) => Object.keys(one).filter((name) => !(name in other));
      return [[en.textsEn, ru.textsRu], [en.errorsEn, ru.errorsRu]].flatMap(([a, b]) => [...differ(a, b), ...differ(b, a)]);
    }""")
    assert missing == []
