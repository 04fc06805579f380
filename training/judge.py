"""Recognises things in pictures by comparison with the training pictures, and selects held-out prompts."""

import random

import torch

from .captions import COLOURS, worded


def asked(things, count, seed):
    """(language, thing, colour, prompt), the languages in turn."""
    choose = random.Random(seed)
    languages = [language for language in ("en", "ru") if any(getattr(thing, language) for thing in things)]
    prompts = []
    while len(prompts) < count:
        language = languages[len(prompts) % len(languages)]
        thing, colour = choose.randrange(len(things)), choose.randrange(len(COLOURS))
        prompts.append((language, thing, colour, worded(things[thing], language, COLOURS[colour], choose, held=True)))
    return prompts


class Judge:
    """Holds the compressor's latents of every picture over every colour."""

    def __init__(self, pictures, latents):
        numbers = torch.arange(len(pictures))
        self.known = torch.cat([latents.over(numbers, torch.full_like(numbers, colour)) for colour in range(len(COLOURS))]).flatten(1)
        self.thing = pictures.thing.repeat(len(COLOURS))

    def things(self, latents):
        """The things [B] whose pictures are closest to latents [B, 16, 6, 6]."""
        return self.thing[torch.cdist(latents.flatten(1), self.known).argmin(1)]
