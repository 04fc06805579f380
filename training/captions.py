"""Captions for things and colours in English and Russian, with many phrasings."""

import re
import zlib
from typing import NamedTuple


class Colour(NamedTuple):
    rgb: tuple[int, int, int]
    en: str
    ru: str  # красный (фон)
    ru_on: str  # (на) красном (фоне)


COLOURS = [
    Colour((250, 250, 250), "white", "белый", "белом"),
    Colour((16, 16, 18), "black", "чёрный", "чёрном"),
    Colour((214, 40, 40), "red", "красный", "красном"),
    Colour((245, 130, 32), "orange", "оранжевый", "оранжевом"),
    Colour((250, 214, 50), "yellow", "жёлтый", "жёлтом"),
    Colour((52, 158, 72), "green", "зелёный", "зелёном"),
    Colour((36, 72, 196), "blue", "синий", "синем"),
    Colour((128, 200, 240), "light blue", "голубой", "голубом"),
    Colour((128, 52, 168), "purple", "фиолетовый", "фиолетовом"),
    Colour((246, 150, 190), "pink", "розовый", "розовом"),
    Colour((130, 130, 134), "gray", "серый", "сером"),
]

PLAIN_EN = ["{a} {t}", "the {t}", "picture of {a} {t}", "{t} emoji", "draw {a} {t}"]
PLAIN_RU = ["картинка: {t}", "эмодзи {t}", "нарисуй: {t}", "изображение, {t}"]
ON_EN = [
    "{t} on a {c} background",
    "{a} {t} on a {c} background",
    "the {t} on a {c} background",
    "{t}, {c} background",
    "{a} {t}, {c} background",
    "{c} background, {t}",
    "{c} background, {a} {t}",
    "{t} on {c}",
    "{a} {t} on {c}",
    "{t} with a {c} background",
    "{t} against a {c} background",
    "a {c} background with {a} {t}",
    "on a {c} background, {a} {t}",
    "picture of {a} {t} on a {c} background",
    "draw {a} {t} on a {c} background",
    "{t} emoji on a {c} background",
]
ON_RU = [
    "{t} на {o} фоне",
    "{t}, на {o} фоне",
    "на {o} фоне {t}",
    "на {o} фоне, {t}",
    "{t}, {c} фон",
    "{t}, фон {c}",
    "{c} фон, {t}",
    "фон {c}, {t}",
    "{t} на {o}",
    "{t} и {c} фон",
    "картинка: {t} на {o} фоне",
    "нарисуй: {t} на {o} фоне",
    "нарисуй: {t}, {c} фон",
    "эмодзи {t} на {o} фоне",
    "изображение, {t} на {o} фоне",
]


def held_out(caption):
    """Whether a caption is held out from training, for evaluate.py: about one in eight, deterministically; never a bare name."""
    return zlib.crc32(caption.encode()) % 8 == 0


def worded(names, language, colour):
    """All captions for a thing with these names, over a colour or, for None, without a colour; includes held-out ones."""
    english = language == "en"
    templates = (PLAIN_EN if english else PLAIN_RU) if colour is None else (ON_EN if english else ON_RU)
    words = {} if colour is None else {"c": colour.en if english else colour.ru, "o": colour.ru_on}
    return [
        re.sub(r"\ba orange", "an orange", template.format(t=name, a="an" if name[0] in "aeiou" else "a", **words))
        for name in names
        for template in templates
    ]


def training_captions(thing, colour):
    """Captions in both languages; Russian words with ё in both spellings."""
    captions = []
    for language, names in (("en", thing.en), ("ru", thing.ru)):
        captions += [] if colour is not None else names
        captions += [caption for caption in worded(names, language, colour) if not held_out(caption)]
    respelt = [caption.replace("ё", "е") for caption in captions if "ё" in caption]
    return list(dict.fromkeys(captions + [caption for caption in respelt if not held_out(caption)]))
