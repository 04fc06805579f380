"""Cases and plurals of Russian noun phrases, by pymorphy3; used only in training."""

from functools import lru_cache

import pymorphy3

APPOSITIONS = {"мороз", "клаус", "горыныч", "ёж"}  # decline with the noun before them
ADJECTIVES = ("ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ья", "ье", "ьи")
CASES = ("nomn", "accs", "gent", "ablt")  # нарисована лиса, нарисуй лису, рисунок лисы, рисунок с лисой
PROPER = ("Fixd", "Name", "Surn", "Patr", "Geox", "Orgn", "Trad", "Abbr", "Sgtm", "Pltm")  # Abbr and Fixd do not decline
ANALYSER = pymorphy3.MorphAnalyzer(lang="ru")


@lru_cache(maxsize=None)
def noun(word):
    """The reading of a word as a noun in the nominative, the singular and common nouns first; None if it has none."""
    readings = [reading for reading in ANALYSER.parse(word) if "NOUN" in reading.tag and "nomn" in reading.tag]
    return min(readings, key=lambda reading: ("plur" in reading.tag, any(name in reading.tag for name in PROPER)), default=None)


@lru_cache(maxsize=None)
def adjective(word):
    if not word.endswith(ADJECTIVES):
        return None
    readings = [reading for reading in ANALYSER.parse(word) if {"ADJF"} in reading.tag or {"PRTF"} in reading.tag]
    return next((reading for reading in readings if "nomn" in reading.tag), None)


def changed(reading, grammemes):
    form = reading.inflect(grammemes)
    return form.word if form else reading.word


def agreement(head, case, plural):
    """Grammemes of an adjective that belongs to a noun."""
    number = {"plur"} if plural else {"sing", head.tag.gender or "masc"}
    alive = {head.tag.animacy} if case == "accs" and (plural or head.tag.gender == "masc") and head.tag.animacy else set()
    return {case} | number | alive


@lru_cache(maxsize=None)
def head(phrase):
    """The place and reading of the phrase's noun: the first one that no adjective reading precedes."""
    words = phrase.split()
    for place, word in enumerate(words):
        reading = noun(word)
        if reading and not (place + 1 < len(words) and adjective(word) and (noun(words[place + 1]) or adjective(words[place + 1]))):
            return place, reading
    return None


@lru_cache(maxsize=None)
def inflected(phrase, case, plural=False):
    """A phrase in the nominative, such as зелёное яблоко or кусок пиццы, in one of CASES. Unknown words stay as they are."""
    found = head(phrase)
    if not found:
        return phrase
    place, reading = found
    words, plural = phrase.split(), plural or "plur" in reading.tag
    result = [changed(form, agreement(reading, case, plural)) if (form := adjective(word)) else word for word in words[:place]]
    number = {"plur" if plural else "sing"}
    result.append(changed(reading, {case} | number))
    for word in words[place + 1 :]:
        other = noun(word) if word in APPOSITIONS else None
        alike = "gent" if case == "accs" and reading.tag.animacy == "anim" else case  # деда мороза
        result.append(changed(other, {alike} | number) if other else word)
    return " ".join(result)


@lru_cache(maxsize=None)
def with_adjective(stem, phrase):
    """`stem`: a masculine adjective, such as большой; it is put before the phrase, agreeing with its noun."""
    found = head(phrase)
    if not found:
        return f"{stem} {phrase}"
    reading = found[1]
    return f"{changed(adjective(stem), agreement(reading, 'nomn', 'plur' in reading.tag))} {phrase}"


@lru_cache(maxsize=None)
def together(phrase):
    """с лисой, со слоном: a phrase in the instrumental with its preposition."""
    form = inflected(phrase, "ablt")
    hard = len(form) > 1 and ((form[0] in "сзшж" and form[1] not in "аеёиоуыэюяь") or form[0] == "щ" or form.startswith("льв"))
    return f"{'со' if hard else 'с'} {form}"
