"""The things, their names and pictures: emoji in three styles, or a user's folder."""

import csv
import io
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import resvg_py
from PIL import Image, ImageDraw

from .files import locked, whole

FLUENT = "@lobehub/fluent-emoji-3d@1.1.0"  # MIT, Microsoft Corporation
NOTO = "@iconify-json/noto@1.2.9"  # Apache-2.0, Google
CONTRAST = "@iconify-json/fluent-emoji-high-contrast@1.2.6"  # MIT, Microsoft Corporation
STYLES = ("3d", "flat", "outline")  # of the pictures of each emoji, in this order
HERE = Path(__file__).parent
DRAWN = 256  # pixels a side at which vector pictures are drawn


@dataclass
class Thing:
    """The first name in each language is listed in the card. A user's pictures may lack a Russian name, and have neither emoji nor styles."""

    pictures: list  # of each style, a list of functions that return Pillow's RGBA pictures
    en: list[str]
    ru: list[str] = field(default_factory=list)
    emoji: str = ""


def cache():
    return Path(os.environ.get("P2P_BUILD_CACHE", Path.home() / ".cache/prompt2pic")) / "training"


def package(name):
    """The unpacked folder of an npm package, which is downloaded once."""
    folder = cache() / name.replace("/", "_")
    cache().mkdir(parents=True, exist_ok=True)
    with locked(cache()):
        if not folder.exists():
            with whole(folder) as made:
                fetch(name, made)
    return folder / "package"


def fetch(name, folder):
    folder.mkdir()
    try:
        packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise SystemExit("the emoji are fetched with npm, which is not installed; --pictures DIR trains on your own") from None
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")


def words(cell, separator):
    return [word.strip().lower() for word in (cell or "").split(separator) if word.strip()]


def code(emoji):
    """1f43b-200d-2744-fe0f: how sets of emoji name their files."""
    return "-".join(f"{ord(point):x}" for point in emoji)


def codes(emoji):
    """What a set may call an emoji: with and without the selectors that ask for a coloured picture."""
    return [code(emoji), code(emoji).replace("-fe0f", ""), code(emoji) + "-fe0f"]


def opened(path):
    with Image.open(path) as file:
        return file.convert("RGBA")


class IconSet:
    """A package of vector pictures in Iconify's JSON."""

    def __init__(self, name):
        self.name, folder = name, package(name)
        self.icons, self.names = (json.loads((folder / file).read_text()) for file in ("icons.json", "chars.json"))

    def svg(self, emoji):
        name = next((self.names[each] for each in codes(emoji) if each in self.names), None)
        if name is None:
            raise SystemExit(f"things.txt: {self.name} has no {emoji}, {code(emoji)}")
        while name in self.icons.get("aliases", {}):
            name = self.icons["aliases"][name]["parent"]
        icon = self.icons["icons"][name]
        left, top = icon.get("left", 0), icon.get("top", 0)
        width, height = (icon.get(side, self.icons.get(side, 16)) for side in ("width", "height"))
        start = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f'{start} viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'

    def drawn(self, emoji):
        png = bytes(resvg_py.svg_to_bytes(svg_string=self.svg(emoji), width=DRAWN, height=DRAWN))
        return Image.open(io.BytesIO(png)).convert("RGBA")


def filled(picture):
    """A black and white picture with white where its lines enclose something: without that it vanishes over a dark colour."""
    outside = Image.new("L", (picture.width + 2, picture.height + 2), 0)
    outside.paste(picture.getchannel("A").point(lambda alpha: 255 if alpha > 96 else 0), (1, 1))
    ImageDraw.floodfill(outside, (0, 0), 128)
    inside = outside.crop((1, 1, picture.width + 1, picture.height + 1)).point(lambda value: 0 if value == 128 else 255)
    white = Image.new("RGBA", picture.size, "white")
    white.putalpha(inside)
    return Image.alpha_composite(white, picture)


def emoji(limit=None):
    """The emoji in things.txt, or the first `limit` of them."""
    rendered, flat, contrast = package(FLUENT) / "assets", IconSet(NOTO), IconSet(CONTRAST)
    things = []
    for line in (HERE / "things.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        character, english, russian = (part.strip() for part in line.split("|"))
        files = [rendered / f"{each}.webp" for each in codes(character)]
        file = next((file for file in files if file.exists()), None)
        if file is None:
            raise SystemExit(f"things.txt: {FLUENT} has no {character}, {code(character)}")
        pictures = [
            [lambda file=file: opened(file)],
            [lambda character=character: flat.drawn(character)],
            [lambda character=character: filled(contrast.drawn(character))],
        ]
        things.append(Thing(pictures, words(english, ","), words(russian, ","), character))
    return things[:limit]


def own(folder):
    """Pictures of any size and captions.csv: file,en[,ru], alternatives in a cell separated by |. Rows with equal captions are one thing."""
    table = Path(folder) / "captions.csv"
    if not table.exists():
        raise SystemExit(f"{table}: not there; its first line is file,en or file,en,ru, then a line for each picture")
    things = {}
    with table.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if not row.get("file") or not words(row.get("en"), "|"):
                raise SystemExit(f"{table}, line {number}: needs a file and English words")
            picture = Path(folder) / row["file"]
            if not picture.exists():
                raise SystemExit(f"{table}, line {number}: {picture} is not there")
            english, russian = words(row["en"], "|"), words(row.get("ru"), "|")
            thing = things.setdefault(tuple(english + russian), Thing([[]], english, russian))
            thing.pictures[0].append(lambda picture=picture: opened(picture))
    if not things:
        raise SystemExit(f"{table}: has no pictures")
    return list(things.values())
