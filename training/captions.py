"""What people write to get a picture: captions in English and Russian, with cases, requests, typos and emoji."""

import zlib

from . import templates
from .backgrounds import BACKGROUNDS, COLOURS
from .data import STYLES
from .pictures import CENTRE, PLAIN
from .russian import inflected, together, with_adjective

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
    """What the templates of requests are filled with."""
    if language == "en":
        name = plural(name) if many else name
        return {"n": name, "a": name if many else article(name), "s": plural(name)}
    return {"n": inflected(name, "nomn", many), "a": inflected(name, "accs", many), "g": inflected(name, "gent", many),
            "w": f"с {inflected(name, 'ablt', True)}" if many else together(name)}  # fmt: skip


def named(thing, language, size, choose):
    """The forms of one of a thing's names, now and then in the plural, with an adjective for its size, or an emoji."""
    names = thing.en if language == "en" else thing.ru
    name = names[min(choose.randrange(len(names)), choose.randrange(len(names)))]
    if size != PLAIN:
        adjective = choose.choice((templates.SIZES_EN if language == "en" else templates.SIZES_RU)[size])
        name = f"{adjective} {name}" if language == "en" else with_adjective(adjective, name)
    filled = forms(name, language, size == PLAIN and choose.random() < 0.06)
    spot = choose.random()
    if thing.emoji and size == PLAIN and spot < 0.04:
        return dict.fromkeys(filled, thing.emoji)
    if thing.emoji and spot < 0.06:
        filled["n"] += " " + thing.emoji
    return filled


def beside(one, other, language, choose):
    """The forms of two things."""
    template = choose.choice(templates.BESIDE_EN if language == "en" else templates.BESIDE_RU)
    return {form: template.format(one[form], other[form], other.get("w")) for form in one}


def held_out(asked, over):
    """Whether a pair of templates is kept from training, for evaluate.py: about one in eight, never a bare name."""
    return asked not in ("{n}", "{a}") and zlib.crc32(f"{asked}|{over}".encode()) % 8 == 0


def pair(language, background, choose, held):
    """Templates of the request and of what is behind."""
    english = language == "en"
    while True:
        asked = choose.choice(templates.ASKED_EN if english else templates.ASKED_RU)
        if background is None:
            over = "{q}"
        elif background in COLOURS:
            over = choose.choice(templates.OVER_EN if english else templates.OVER_RU)
        else:
            over = choose.choice(templates.IN_EN if english else templates.IN_RU)
        if held_out(asked, over) == held:
            return asked, over


def caption(things, style, background, size, place, language, choose, held=False):
    """A caption of one or two things; `style`: its number, `background`: -1 where none is asked for. The templates are ones that training has or,
    with `held`, has not. `choose`: a random.Random."""
    english = language == "en"
    behind = BACKGROUNDS[background] if background >= 0 else None
    asked, over = pair(language, behind, choose, held)
    filled = named(things[0], language, size, choose)
    if len(things) > 1:
        filled = beside(filled, named(things[1], language, PLAIN, choose), language, choose)
    said = asked.format(**filled)
    extra = []
    if place != CENTRE:
        extra.append(choose.choice((templates.PLACES_EN if english else templates.PLACES_RU)[place]))
    if style > 0 or choose.random() < 0.08 and things[0].emoji:
        extra.append(choose.choice((templates.STYLES_EN if english else templates.STYLES_RU)[STYLES[style]]))
    choose.shuffle(extra)
    after = extra.pop() if extra and behind and choose.random() < 0.4 else ""
    for each in extra:
        said += choose.choice([", ", ", ", " "]) + each
    if behind:
        ways = behind.ways_en if english else behind.ways_ru
        words = {"c": behind.en if english else behind.ru, "o": behind.ru_on}
        text = over.format(q=said, **(filled | words | ({"w": choose.choice(ways)} if ways else {})))
    else:
        text = said
    if after:
        text += choose.choice([", ", " "]) + after
    return written(text, english, choose)


def written(text, english, choose):
    """As people type: endings, е for ё, typos."""
    text = text.replace(" a orange background", " an orange background")
    if choose.random() < 0.15:
        text += choose.choice(templates.END_EN if english else templates.END_RU)
    if choose.random() < 0.5:
        text = text.replace("ё", "е")
    return mistyped(text, choose) if choose.random() < 0.12 else text


def captions(things, asked, choose, held=False, wanted=("en", "ru")):
    """A caption, in one of the wanted languages that its things have, for each of a batch of scenes.Asked."""
    texts = []
    columns = (part.tolist() for part in (asked.thing, asked.style, asked.background, asked.size, asked.place))
    for (first, second), *rest in zip(*columns, strict=True):
        shown = [things[first]] + ([things[second]] if second >= 0 else [])
        languages = [language for language in wanted if all(getattr(thing, language) for thing in shown)] or ["en"]
        texts.append(caption(shown, *rest, choose.choice(languages), choose, held))
    return texts
