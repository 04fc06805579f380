import os
import pathlib

import pytest
from playwright.sync_api import expect, sync_playwright

from chat_page import ChatPage
from demo_server import ROOT, DemoServer
from fake_api import FakeApi

CHROMIUM = os.environ.get("P2P_CHROMIUM", "/usr/bin/chromium")
ARTEFACTS = pathlib.Path(os.environ.get("P2P_ARTEFACTS", ROOT / "build/page"))

expect.set_options(timeout=30_000)  # a picture takes seconds on a busy machine; what holds ends the wait at once


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The running server that most tests share. P2P_PAGE_URL names one that runs already."""
    if url := os.environ.get("P2P_PAGE_URL"):
        yield type("Running", (), {"url": url.rstrip("/") + "/"})
        return
    demo = DemoServer(tmp_path_factory.mktemp("demo")).start()
    yield demo
    demo.stop()


@pytest.fixture
def own_server(tmp_path):
    """Creates servers for a single test, with their environment variables."""
    made = []

    def make(**settings):
        made.append(DemoServer(tmp_path / f"demo{len(made)}", **settings))
        return made[-1].start()
    yield make
    for demo in made:
        demo.stop()


@pytest.fixture(scope="session")
def launch():
    """Starts browsers, with additional arguments."""
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root cannot have it
        yield lambda *arguments: playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, *arguments])


@pytest.fixture(scope="session")
def chromium(launch):
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture
def user(chromium, server):
    """Creates users: each call opens the page in a browser context of its own. Checks at the end that no page complained or called elsewhere."""
    contexts, pages = [], []

    def make(url=None, locale="en-GB", width=1280, height=900, expected=(), routes=None, **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, locale=locale, accept_downloads=True, **options))
        pages.append(ChatPage(contexts[-1], url or server.url, expected))
        if routes:
            routes.serve(contexts[-1])
        return pages[-1].open()
    yield make
    problems = [problem for page in pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def fake_api():
    """An API inside the browser, with a model that has every feature: shows what the page sends."""
    return FakeApi()


@pytest.fixture(scope="session")
def artefacts():
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS
