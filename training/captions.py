"""What people write to get a picture: captions in English and Russian, with cases, requests, typos and emoji."""

import random
import zlib
from typing import NamedTuple

from .russian import inflected, together, with_adjective


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

# {n}, {a}, {g}, {w}: the thing in the nominative, accusative and genitive, and with "with"; English things have {n}, {a} (with an article) and {s}.
ASKED_RU = ["{n}"] * 8 + """{n}
эмодзи {n}
картинка: {n}
рисунок: {n}
{n} эмодзи
эмодзи {g}
картинка {g}
картинку {g}
картинка {w}
картинку {w}
изображение {g}
рисунок {g}
рисунок {w}
иконка {g}
нарисуй {a}
нарисуй {a}
нарисуй {a}
нарисуй: {n}
нарисуй: {a}
нарисуйте {a}
нарисуй мне {a}
нарисуйте мне {a}
нарисуй нам {a}
нарисуй пожалуйста {a}
пожалуйста, нарисуй {a}
нарисуй картинку {w}
нарисуй картинку {g}
нарисуй одну {n}
рисуй {a}
хочу {a}
я хочу {a}
хочу увидеть {a}
хочу картинку {w}
хочу картинку {g}
мне нужна картинка {w}
покажи {a}
покажи мне {a}
покажи как выглядит {n}
изобрази {a}
сделай {a}
сделай мне {a}
сделай картинку {g}
сделай картинку {w}
сделай картинку: {n}
сделай мне картинку {w}
сделай изображение {g}
создай {a}
создай картинку {w}
создай изображение {g}
сгенерируй {a}
сгенерируй картинку {g}
сгенерируй изображение {g}
можешь нарисовать {a}
ты можешь нарисовать {a}
можно {a}
надо нарисовать {a}
нужно нарисовать {a}
давай {a}
дай {a}
это {n}""".split("\n")
ASKED_EN = ["{n}"] * 4 + ["{a}"] * 6 + """the {n}
{n} emoji
{s}
some {s}
picture of {a}
a picture of {a}
a picture of the {n}
image of {a}
an image of {a}
drawing of {a}
a drawing of {a}
icon of {a}
emoji of {a}
picture: {n}
draw {a}
draw {a}
draw {a}
draw {n}
draw the {n}
draw: {n}
draw me {a}
draw us {a}
draw a picture of {a}
draw a picture with {a}
please draw {a}
please draw me {a}
can you draw {a}
could you draw {a}
could you please draw {a}
paint {a}
sketch {a}
make {a}
make me {a}
make a picture of {a}
make a picture with {a}
make an image of {a}
create {a}
create a picture of {a}
create an image of {a}
generate {a}
generate an image of {a}
generate a picture with {a}
show {a}
show me {a}
show me a picture of {a}
give me {a}
i want {a}
i want a picture of {a}
i want to see {a}
i need {a}
i need a picture of {a}
i would like {a}
this is {a}""".split("\n")
# {q}: what ASKED says; {c}, {o}: the colour. The three that begin with the background are written with a plain name.
OVER_RU = """{q} на {o} фоне
{q} на {o} фоне
{q} на {o} фоне
{q}, на {o} фоне
{q} на {o}
{q}, {c} фон
{q}, фон {c}
{q}. фон {c}
{q} и {c} фон
{q}, сделай фон {c}
{q}, а фон {c}
{q} {c} фон
на {o} фоне {q}
на {o} фоне, {q}
{c} фон, {q}
фон {c}, {q}
{c} фон и {n}
{q} с {o} фоном""".replace("с {o} фоном", "фон: {c}").split("\n")
OVER_EN = """{q} on a {c} background
{q} on a {c} background
{q} on a {c} background
{q}, {c} background
{q}, on a {c} background
{q} on {c} background
{q} on {c}
{q} with a {c} background
{q} with {c} background
{q} against a {c} background
{q} over {c}
{q} and a {c} background
{q}, background {c}
{q}. {c} background
{q}, make the background {c}
on a {c} background, {q}
{c} background, {q}
{c} background with {a}
a {c} background with {a}""".split("\n")
END_RU = ["", "!", ".", ", пожалуйста", " пожалуйста", " плиз", " :)", "!!", "?"]
END_EN = ["", "!", ".", ", please", " please", " pls", " :)", "!!", "?"]

IRREGULAR = {"mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves", "knife": "knives", "tooth": "teeth", "man": "men",
             "woman": "women", "sheep": "sheep", "fish": "fish", "deer": "deer", "octopus": "octopuses", "scarf": "scarves", "die": "dice"}  # fmt: skip
KEYS = ["йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", "qwertyuiop", "asdfghjkl", "zxcvbnm"]


def plural(name):
    first, _, last = name.rpartition(" ")
    if " of " in name or " in " in name or " with " in name or " and " in name or last.endswith("s"):
        return name
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{first} {last}".strip()


def article(name):
    return f"an {name}" if name[0] in "aeiou" and not name.startswith(("uni", "one", "ufo", "eu")) else f"a {name}"


def mistyped(text, choose):
    """One wrong, missing, doubled or swapped letter in a word of four letters or more."""
    words = text.split(" ")
    long = [number for number, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long:
        return text
    number = choose.choice(long)
    word = words[number]
    at = choose.randrange(1, len(word))
    row = next((row for row in KEYS if word[at] in row), word[at])
    near = row[max(0, row.index(word[at]) - 1) : row.index(word[at]) + 2].replace(word[at], "") or word[at]
    words[number] = choose.choice([
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + choose.choice(near) + word[at + 1 :],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    ])  # fmt: skip
    return " ".join(words)


def forms(name, language, many):
    """What the templates are filled with."""
    if language == "en":
        name = plural(name) if many else name
        return {"n": name, "a": name if many else article(name), "s": plural(name)}
    return {"n": inflected(name, "nomn", many), "a": inflected(name, "accs", many), "g": inflected(name, "gent", many),
            "w": f"с {inflected(name, 'ablt', True)}" if many else together(name)}  # fmt: skip


def held_out(asked, over):
    """Whether a pair of templates is kept from training, for evaluate.py: about one in eight, never a bare name."""
    return asked != "{n}" and zlib.crc32(f"{asked}|{over}".encode()) % 8 == 0


def worded(thing, language, colour, choose, held=False):
    """A caption of a thing over a colour or, for None, without it, from templates that training has or, with `held`, has not. `choose`: a
    random.Random."""
    english = language == "en"
    while True:
        asked = choose.choice(ASKED_EN if english else ASKED_RU)
        over = "{q}" if colour is None else choose.choice(OVER_EN if english else OVER_RU)
        if held_out(asked, over) == held:
            break
    names = thing.en if english else thing.ru
    filled = forms(names[min(choose.randrange(len(names)), choose.randrange(len(names)))], language, choose.random() < 0.06)
    spot = choose.random()
    if thing.emoji and spot < 0.04:
        filled = dict.fromkeys(filled, thing.emoji)
    elif thing.emoji and spot < 0.06:
        filled["n"] += " " + thing.emoji
    if colour is not None:
        filled |= {"c": colour.en if english else colour.ru, "o": colour.ru_on}
    text = over.format(q=asked.format(**filled), **filled)
    text = text.replace(" a orange background", " an orange background")
    if choose.random() < 0.15:
        text += choose.choice(END_EN if english else END_RU)
    if choose.random() < 0.5:
        text = text.replace("ё", "е")
    if choose.random() < 0.12:
        text = mistyped(text, choose)
    return text


def training_captions(thing, colour, count):
    """So many captions in both languages; always the same ones."""
    choose = random.Random(zlib.crc32(repr((thing.en, thing.ru, colour)).encode()))
    languages = [language for language in ("en", "ru") if getattr(thing, language)]
    names = thing.en + thing.ru if colour is None else []
    drawn = [worded(thing, languages[number % len(languages)], colour, choose) for number in range(count)]
    return list(dict.fromkeys(names + [name.replace("ё", "е") for name in names] + drawn))
