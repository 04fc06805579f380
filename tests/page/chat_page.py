"""The page as a user sees it."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect


class ChatPage:
    """`problems` collects console errors, exceptions and calls of other hosts. `expected`: parts of console errors that the test provokes."""

    def __init__(self, context, url, expected=()):
        self.context, self.url, self.expected, self.problems = context, url, tuple(expected), []
        self.posts = []
        context.on("request", self.see)
        self.page = context.new_page()
        self.watch(self.page)

    def watch(self, page):
        page.on("console", lambda message: message.type in ("error", "warning") and self.complain(message.text))
        page.on("pageerror", lambda error: self.complain(str(error)))

    def complain(self, text):
        if not any(part in text for part in self.expected):
            self.problems.append(text)

    def see(self, request):
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self.url).netloc:
            self.problems.append(f"another host is called: {request.url}")
        if request.method == "POST":
            self.posts.append((request.headers.get("idempotency-key"), request.post_data_json))

    def open(self):
        self.page.goto(self.url)
        return self.started()

    def reload(self):
        self.page.reload()
        self.started()

    def started(self):
        """Waits for the script, which writes this after it has read the history."""
        expect(self.find("#limit")).not_to_be_empty()
        return self

    def second_tab(self):
        """Another tab of the same browser."""
        other = ChatPage.__new__(ChatPage)
        other.__dict__.update(self.__dict__)
        other.page = self.context.new_page()
        self.watch(other.page)
        return other.open()

    def find(self, selector):
        return self.page.locator(selector)

    @property
    def prompt(self):
        return self.find("#prompt")

    @property
    def cards(self):
        """The requests in the chat."""
        return self.find("#feed > li")

    @property
    def pictures(self):
        """The pictures in the chat that are loaded."""
        return self.find("#feed figure button.canvas:not(.busy) img")

    @property
    def entries(self):
        """The requests in the history."""
        return self.find("#entries > li:visible")

    def ask(self, text):
        self.prompt.fill(text)
        self.prompt.press("Enter")

    def draw(self, text, count=1):
        """Asks for pictures and waits for them. Returns the request in the chat."""
        others = "".join(f':not([data-key="{card.get_attribute("data-key")}"])' for card in self.cards.all())
        self.ask(text)
        new = self.find(f"#feed > li{others}")
        expect(new).to_have_count(1)
        card = self.find(f'#feed > li[data-key="{new.get_attribute("data-key")}"]')
        expect(card.locator("figure button.canvas:not(.busy) img")).to_have_count(count)
        return card

    def settings(self):
        """Opens the settings."""
        if self.find("#settings").is_hidden():
            self.find("#more").click()
        return self.find("#settings")

    def choose(self, name):
        """Chooses a format or a count."""
        self.settings().get_by_role("radio", name=name, exact=True).check()

    def seeds(self, card=None):
        labels = (card or self.page).locator("figcaption .seed-value").all_text_contents()
        return [int(re.search(r"\d+", label)[0]) for label in labels]

    def act(self, card, action):
        """Presses a button below the first picture of a request; some are in its menu."""
        button = card.locator(f"figure [data-action={action}]").first
        if not button.is_visible():
            card.locator("figure .dots").first.click()
        button.click()
