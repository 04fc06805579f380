"""Checks run by training/test; "own DIR" writes a folder of pictures with captions."""

import random
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import nn

from . import data, loop
from .backgrounds import BACKGROUNDS, COLOURS
from .captions import article, caption, captions, held_out, mistyped, pair, plural
from .codes import DECODER, FIRST, PRIOR, SECOND, TAG, Codes
from .compressor import Compressor
from .judge import Judge
from .pictures import BIG, CENTRE, LEFT, PLAIN, RIGHT, SMALL, Pictures
from .russian import inflected, together, with_adjective
from .scenes import Asked, Sampler


def check_russian():
    for phrase, accusative, genitive, instrumental in (
        ("лиса", "лису", "лисы", "с лисой"),
        ("котёнок", "котёнка", "котёнка", "с котёнком"),
        ("зелёное яблоко", "зелёное яблоко", "зелёного яблока", "с зелёным яблоком"),
        ("красная божья коровка", "красную божью коровку", "красной божьей коровки", "с красной божьей коровкой"),
        ("кусок пиццы", "кусок пиццы", "куска пиццы", "с куском пиццы"),
        ("дед мороз", "деда мороза", "деда мороза", "с дедом морозом"),
        ("слон", "слона", "слона", "со слоном"),
        ("ножницы", "ножницы", "ножниц", "с ножницами"),
    ):
        assert (inflected(phrase, "accs"), inflected(phrase, "gent"), together(phrase)) == (accusative, genitive, instrumental), phrase
    assert inflected("лиса", "nomn", True) == "лисы" and with_adjective("большой", "яблоко") == "большое яблоко"


def check_captions():
    assert (plural("mouse"), plural("cherry"), plural("slice of pizza"), article("owl"), article("unicorn")) == (
        "mice", "cherries", "slice of pizza", "an owl", "a unicorn")  # fmt: skip
    choose = random.Random(1)
    assert all(abs(len(mistyped("лисица", choose)) - 6) <= 1 and mistyped("кот", choose) == "кот" for _ in range(50))
    for held in (False, True):
        assert all(held_out(*pair(language, BACKGROUNDS[0], choose, held)) == held for language in ("en", "ru") for _ in range(50))
    fox, owl = data.Thing([[]] * 3, ["fox"], ["лиса"], "🦊"), data.Thing([[]] * 3, ["owl"], ["сова"], "🦉")
    russian = {caption([fox, owl], 1, 11, PLAIN, CENTRE, "ru", choose) for _ in range(300)}
    assert any("снег" in text for text in russian) and any("плоск" in text for text in russian) and any("лису и сову" in text for text in russian)
    english = {caption([fox], 0, -1, SMALL, LEFT, "en", choose) for _ in range(100)}
    assert any("tiny fox" in text for text in english) and any("left" in text for text in english)
    silent = data.Thing([[]], ["mug"])
    asked = Asked(torch.tensor([[0, -1]] * 20), *(torch.zeros(20, dtype=torch.long) for _ in range(4)))
    assert not any("а" <= letter <= "я" for text in captions([silent], asked, choose) for letter in text), "no Russian of an English thing"


def disc(folder, name, colour):
    path = Path(folder) / f"{name}.png"
    picture = Image.new("RGBA", (90, 90))
    ImageDraw.Draw(picture).ellipse((5, 5, 85, 85), fill=colour)
    picture.save(path)
    return data.Thing([[lambda: data.opened(path)]], [name])


def request(thing, background, size=PLAIN, place=CENTRE):
    number = torch.tensor
    return Asked(number([thing]), number([0]), number([background]), number([size]), number([place]))


def check_pictures():
    with tempfile.TemporaryDirectory() as folder:
        things = [disc(folder, "white", COLOURS[0].rgb), disc(folder, "red", COLOURS[2].rgb)]
        Image.new("RGB", (90, 70), "blue").save(Path(folder) / "photo.png")
        things.append(data.Thing([[lambda: data.opened(Path(folder) / "photo.png")]], ["photo"]))
        pictures = Pictures(things)
    sampler = Sampler(pictures)
    assert sampler.clear.tolist() == [True, True, False]

    def shown(*asked):
        return pictures.composed(sampler.lay_out(request(*asked), jitter=False))[0]

    white = shown((0, -1), 0)
    assert white[:, 20:236, 20:236].min() < 0.6 < 0.9 < white[:, :8, :8].min(), "a dark glow, and none in the corners"
    assert shown((0, -1), 1)[:, 128, 128].min() > 0.9, "no glow over black"
    two = shown((0, 1), 6)
    assert two[:, 128, 64].min() > 0.9 and two[0, 128, 192] > 0.7 > 0.3 > two[1, 128, 192], "white on the left, red on the right"
    assert shown((1, -1), 6, SMALL, RIGHT)[0, 128, 192] > 0.7 > 0.3 > shown((1, -1), 6, SMALL, LEFT)[0, 128, 192]
    sides = [(shown((1, -1), 6, size)[0] > 0.7).sum() for size in (SMALL, PLAIN, BIG)]
    assert sides == sorted(sides) and sides[0] * 2 < sides[1]
    assert shown((2, -1), 0)[2].min() > 0.9, "a photo is the whole picture"

    judge = Judge(pictures, sampler)
    for asked in (request((1, -1), 6), request((0, 1), 12), request((0, 1), 14)):
        picture = pictures.composed(sampler.lay_out(asked))[0]
        assert judge.background(picture) == int(asked.background)
        assert judge.things(picture, asked) == [thing for thing in asked.thing[0].tolist() if thing >= 0]


def check_codes():
    pictures = Pictures(data.emoji(6))
    sampler = Sampler(pictures)
    asked = sampler.ask(64)
    width = 64
    codes = Codes(pictures, *Codes.components(pictures, 2 * (width - TAG)), width, PRIOR, 12)
    said = codes.of(asked)
    assert said.shape == (64, 12, width) and set(codes.read(said, asked).values()) == {1.0}
    assert (said[:, : 12 - len(PRIOR)] == codes.nothing).all() and len(PRIOR) == 5 and DECODER == (FIRST[0], SECOND[0])
    assert (codes.of(asked, dropped=1.0) == codes.nothing).all()
    compressor = Compressor.of(pictures.composed(sampler.lay_out(asked), 128))
    latents = compressor(pictures.composed(sampler.lay_out(asked), 128))
    assert latents.shape == (64, 16, 8, 8) and 0.5 < latents.std() < 2
    restored = compressor.restored(latents)
    assert (restored - pictures.composed(sampler.lay_out(asked), 128)).abs().mean() < 0.2


def trained(path, interrupted_at=None):
    """Returns the weights after 8 steps, or None if interrupted before that."""
    torch.manual_seed(5)
    modules, calls = nn.ModuleDict({"one": nn.Linear(3, 1)}), iter(range(8))

    def loss():
        if next(calls) == interrupted_at:
            raise KeyboardInterrupt
        return (modules["one"](torch.randn(4, 3)) - 1).square().mean()

    average, done = loop.train(path, modules, loss, seconds=0, rate=1e-2, steps=8)
    assert done["steps"] == 8
    return [*modules["one"].parameters(), *average["one"].parameters()]


def check_resume():
    loop.SAVE_SECONDS = -1  # save the state after every step
    with tempfile.TemporaryDirectory() as folder:
        expected = trained(Path(folder) / "whole.pt")
        try:
            trained(Path(folder) / "halves.pt", interrupted_at=5)
            raise AssertionError("was not interrupted")
        except KeyboardInterrupt:
            pass
        torch.testing.assert_close(trained(Path(folder) / "halves.pt"), expected, atol=0, rtol=0)


def write_own(folder):
    folder.mkdir(parents=True)
    rows = ["file,en,ru"]
    for name, russian in (("red", "красный квадрат"), ("blue", "синий квадрат|квадрат синего цвета"), ("green", "")):
        Image.new("RGB", (90, 70), name).save(folder / f"{name}.png")
        rows.append(f"{name}.png,{name} square|square of {name},{russian}")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")


if sys.argv[1:2] == ["own"]:
    write_own(Path(sys.argv[2]))
else:
    torch.manual_seed(0)
    check_russian()
    check_captions()
    check_pictures()
    check_codes()
    check_resume()
