"""Pictures as tensors: several placements each, over any colour, with a glow if they would not stand out."""

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch.nn import functional

from .captions import COLOURS

SIDE = 128
PLACINGS, MOST = 4, 8000
GLOWS = (0, 255, 40)  # none, a light one, a dark one: grays
BRIGHT = 170  # luminance from which a colour gets the dark glow
ALIKE, EDGE = 0.3, 0.4  # how near, in RGB of 0..1, and how much of a thing's edge has to be that near


def placings(things):
    """Minimum number of pictures per thing: four, or fewer if there are too many things for the memory."""
    return max(1, min(PLACINGS, MOST // len(things)))


def placed(picture, seed):
    """A see-through picture at a size and place of its own (seed 0: in the middle); any other cut to a square, faced either way.

    A see-through one keeps its facing: a small prior draws between two facings what is neither."""
    random = np.random.default_rng(seed)
    if picture.getextrema()[3][0] == 255:
        whole = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
        return ImageOps.mirror(whole) if seed and random.random() < 0.5 else whole
    side = round(SIDE * (random.uniform(0.76, 0.88) if seed else 0.82))
    whole = Image.new("RGBA", (SIDE, SIDE))
    free = SIDE - side
    place = [free // 2 + int(random.integers(-5, 6) if seed else 0) for _ in range(2)]
    whole.paste(picture.resize((side, side), Image.Resampling.LANCZOS), tuple(place))
    return whole


def glowing(picture, gray):
    """Ink [3, H, W], what a picture shows, and gap [1, H, W], how much of the colour behind it, in 0..255; 0: without a glow."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
    ink, gap = pixels[:3] * pixels[3:] / 255, 255 - pixels[3:]
    if gray:
        blurred = torch.from_numpy(np.array(picture.getchannel("A").filter(ImageFilter.GaussianBlur(4)))).float()
        glow = gap * (2 * blurred / 255).clamp(max=1) * 0.9
        ink, gap = ink + glow * gray / 255, gap - glow
    return ink.round().byte(), gap.round().byte()


def blends(ink, gap, palette):
    """Whether a picture's edge is similar to each of the colours [C, 3]: [C]."""
    ink, gap = ink.float() / 255, gap.float() / 255
    edge = (1 - gap) * functional.max_pool2d(gap, 9, 1, 4)  # within four pixels of what is not the thing
    distance = (ink / (1 - gap).clamp_min(1e-3) - palette[:, :, None, None] / 255).square().sum(1, keepdim=True).sqrt()
    return ((distance < ALIKE) * edge).sum((1, 2, 3)) > EDGE * edge.sum().clamp_min(1)


class Pictures:
    """Picture n is of thing `thing[n]`; `coloured[t]` says whether thing t is see-through, hence has a colour behind it, and `glow[t, c]`
    which of GLOWS it has over colour c. `ink` [R, 3, 128, 128] and `gap` [R, 1, 128, 128], bytes, hold a see-through picture once with each
    glow, any other once: shown() says which row a picture over a colour is."""

    def __init__(self, things, placings):
        rows, row, owner, clear = [], [], [], []
        for number, thing in enumerate(things):
            for index in range(max(placings, len(thing.pictures))):
                with Image.open(thing.pictures[index % len(thing.pictures)]) as file:
                    picture = placed(file.convert("RGBA"), index // len(thing.pictures))
                clear.append(picture.getextrema()[3][0] < 255)
                glows = GLOWS if clear[-1] else GLOWS[:1]
                row.append([len(rows) + min(glow, len(glows) - 1) for glow in range(len(GLOWS))])
                rows += [glowing(picture, gray) for gray in glows]
                owner.append(number)
        self.ink, self.gap = (torch.stack(part) for part in zip(*rows, strict=True))
        self.row, self.thing, self.count = torch.tensor(row), torch.tensor(owner), len(things)
        self.coloured = torch.stack([torch.tensor(clear)[self.thing == number].all() for number in range(self.count)])
        self.palette = torch.tensor([colour.rgb for colour in COLOURS]).float()
        first = [owner.index(number) for number in range(self.count)]
        alike = torch.stack([blends(self.ink[n], self.gap[n], self.palette) for n in self.row[first, 0]])
        bright = self.palette @ torch.tensor([0.299, 0.587, 0.114]) > BRIGHT
        self.glow = alike * torch.where(bright, 2, 1)

    def __len__(self):
        return len(self.thing)

    def shown(self, pictures, colours):
        """The rows [B] of pictures [B] over colours [B] (indices into COLOURS)."""
        return self.row[pictures, self.glow[self.thing[pictures], colours]]

    def over(self, pictures, colours):
        """[B, 3, 128, 128] in 0..1 of pictures [B] over colours [B]."""
        rows, behind = self.shown(pictures, colours), self.palette[colours][:, :, None, None] / 255
        return (self.ink[rows].float() + behind * self.gap[rows].float()) / 255
