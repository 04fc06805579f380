#!/usr/bin/env python3
"""Records a chat with the demo for the READMEs: docs/page.webp and docs/page.ru.webp.

    tools/setup page && ~/.cache/prompt2pic/page-venv/bin/python tests/page/animation.py
"""

import io
import os
import pathlib
import tempfile
import time

from PIL import Image
from playwright.sync_api import sync_playwright

from chat_page import ChatPage
from conftest import CHROMIUM
from demo_server import ROOT, DemoServer

SIZE = {"width": 960, "height": 760}
MOST_BYTES = 1 << 20
CHATS = {"page.webp": ("en-GB", "a fox on a blue background", "could you draw an owl, yellow background"), "page.ru.webp": ("ru-RU", "лиса на синем фоне", "нарисуй сову на жёлтом фоне")}


class Film:
    """Frames and how long each is shown, in ms. A frame equal to the one before prolongs it."""

    def __init__(self, page):
        self.page, self.frames, self.durations = page.page, [], []

    def take(self, milliseconds):
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        if self.frames and self.frames[-1].tobytes() == frame.tobytes():
            self.durations[-1] += milliseconds
        else:
            self.frames.append(frame)
            self.durations.append(milliseconds)

    def take_until(self, done):
        """As fast as the page can be photographed, at most four frames a second."""
        while not done():
            start = time.monotonic()
            self.take(0)
            self.page.wait_for_timeout(100)
            self.durations[-1] += min(int((time.monotonic() - start) * 1000), 250)

    def save(self, file):
        self.frames[0].save(file, save_all=True, append_images=self.frames[1:], duration=self.durations, loop=0, quality=75, method=6, minimize_size=True)
        size = file.stat().st_size
        print(f"{file.relative_to(ROOT)}: {len(self.frames)} frames, {sum(self.durations) / 1000:.1f} s, {size >> 10} KB")
        assert size < MOST_BYTES, "too large for a README"


def record(browser, url, locale, prompts, file):
    page = ChatPage(browser.new_context(viewport=SIZE, locale=locale, color_scheme="light"), url).open()
    film = Film(page)
    page.find(".example").first.wait_for()
    film.take(1000)
    for number, prompt in enumerate(prompts, 1):
        page.prompt.focus()
        for end in range(2, len(prompt) + 2, 2):
            page.prompt.fill(prompt[:end])
            film.take(90)
        film.take(400)
        page.prompt.press("Enter")
        film.take_until(lambda: page.pictures.count() == number)
        page.page.wait_for_timeout(600)  # until it has scrolled
        film.take(2500)
    page.act(page.cards.last, "variation")
    film.take_until(lambda: page.pictures.count() == len(prompts) + 1)
    page.page.wait_for_timeout(4000)  # until the notice is gone
    film.take(4000)
    assert page.problems == []
    film.save(file)
    page.context.close()


with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    server = DemoServer(pathlib.Path(folder)).start()
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[] if os.geteuid() else ["--no-sandbox"])
    try:
        for name, (locale, *prompts) in CHATS.items():
            record(browser, server.url, locale, prompts, ROOT / "docs" / name)
    finally:
        server.stop()
