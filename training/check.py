"""Checks run by training/test; "own DIR" writes a folder of pictures with captions."""

import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import nn

from . import data, loop
from .captions import COLOURS, held_out, training_captions, worded
from .compressor import Compressor, Latents
from .pictures import Pictures


def check_captions():
    thing = data.Thing([], ["owl", "orange"], ["ёлка"])
    captions = training_captions(thing, COLOURS[3])
    assert "an owl on an orange background" in captions + [c for c in worded(thing.en, "en", COLOURS[3]) if held_out(c)]
    assert not any(held_out(caption) for caption in captions)
    assert any("елка" in caption for caption in captions)
    assert set(thing.en + thing.ru) <= set(training_captions(thing, None))


def check_compressor():
    pictures = Pictures(data.emoji(3), 2)
    compressor = Compressor.of(pictures)
    numbers, colours = torch.arange(6), torch.tensor([0, 3, 10, 5, 1, 7])
    torch.testing.assert_close(
        Latents(compressor, pictures).over(numbers, colours), compressor(pictures.over(numbers, colours)), atol=1e-3, rtol=1e-3
    )


def check_glow():
    with tempfile.TemporaryDirectory() as folder:
        disc = Path(folder) / "disc.png"
        picture = Image.new("RGBA", (90, 90))
        ImageDraw.Draw(picture).ellipse((5, 5, 85, 85), fill=COLOURS[0].rgb)
        picture.save(disc)
        pictures = Pictures([data.Thing([disc], ["disc"], [])], 1)
    white, black = pictures.over(torch.tensor([0, 0]), torch.tensor([0, 1]))
    assert pictures.glow[0].tolist() == [2] + [0] * (len(COLOURS) - 1)
    assert white.min() < 0.4 < 0.9 < white[:, :8, :8].min(), "a dark glow, and none in the corners"
    assert black[:, 64, 64].min() > 0.9 > 0.1 > black[:, :, :11].max(), "none over black"


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
    check_captions()
    check_compressor()
    check_glow()
    check_resume()
