"""The pictures and their names: Microsoft's Fluent emoji, or a user's folder."""

import csv
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .files import locked, whole

EMOJI = "@lobehub/fluent-emoji-3d@1.1.0"
HERE = Path(__file__).parent


@dataclass
class Thing:
    """The first name in each language is listed in the card. A user's pictures may lack a Russian name, and have no emoji."""

    pictures: list[Path]
    en: list[str]
    ru: list[str]
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


def emoji(limit=None):
    """The emoji in things.txt, or the first `limit` of them."""
    pictures = package(EMOJI) / "assets"
    things = []
    for line in (HERE / "things.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        character, english, russian = (part.strip() for part in line.split("|"))
        name = code(character)
        files = [pictures / f"{each}.webp" for each in (name, name.removesuffix("-fe0f"), f"{name}-fe0f")]
        picture = next((file for file in files if file.exists()), None)
        if picture is None:
            raise SystemExit(f"things.txt: {EMOJI} has no {character}, {name}")
        things.append(Thing([picture], words(english, ","), words(russian, ","), character))
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
            things.setdefault(tuple(english + russian), Thing([], english, russian)).pictures.append(picture)
    if not things:
        raise SystemExit(f"{table}: has no pictures")
    return list(things.values())
