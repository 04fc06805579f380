"""Sprites, and the pictures that are composed of them on any device: one or two things over a background."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch.nn import functional

from . import backgrounds
from .backgrounds import BACKGROUNDS

SIDE = 256
BRIGHT = 170  # luminance from which a background gets the dark glow
ALIKE, EDGE = 0.3, 0.4  # how near, in RGB of 0..1, and how much of a thing's edge has to be that near
LIGHT, DARK = 1.0, 0.15  # grays of the two glows
PLAIN, BIG, SMALL = range(3)  # sizes of a thing
CENTRE, LEFT, RIGHT = range(3)  # its places


@dataclass
class Scenes:
    """A batch of B pictures to be composed; tensors [B], or [B, 2] with both things of a picture, the left one first."""

    row: torch.Tensor  # [B, 2] sprites; the second is -1 for a picture of a single thing
    background: torch.Tensor
    variant: torch.Tensor
    size: torch.Tensor
    place: torch.Tensor
    jitter: torch.Tensor  # [B, 2, 3] in -1..1: scale, right, down

    def __len__(self):
        return len(self.background)

    def __getitem__(self, chosen):
        return Scenes(*(getattr(self, part.name)[chosen] for part in fields(self)))

    def to(self, device):
        return Scenes(*(getattr(self, part.name).to(device, non_blocking=True) for part in fields(self)))

    def boxes(self):
        """Sides and middles [B, 2] of the things, as shares of the picture's side."""
        single, scenic = self.row[:, 1] < 0, self.background >= len(backgrounds.COLOURS)
        aside = self.place != CENTRE
        alone = torch.where(aside, 0.5, torch.where(scenic, 0.66, 0.82))
        alone = torch.where(self.size == BIG, torch.where(aside, 0.6, 0.96), torch.where(self.size == SMALL, 0.36, alone))
        side = torch.where(single, alone, 0.48)[:, None].expand(-1, 2)
        shift = torch.where(single, 0.25 * (self.place == RIGHT) - 0.25 * (self.place == LEFT), -0.25)
        x = torch.stack([0.5 + shift, torch.full_like(shift, 0.75)], 1)
        low = torch.where(scenic & (self.size != BIG), 0.1, 0.0)
        y = (0.5 + low)[:, None].expand(-1, 2)
        return side * (1 + 0.05 * self.jitter[..., 0]), x + 0.025 * self.jitter[..., 1], y + 0.025 * self.jitter[..., 2]


def sprite(picture):
    """Bytes [5, SIDE, SIDE] of an RGBA picture: premultiplied colours, opacity, blurred opacity. Any other picture is cut to a square."""
    square = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
    if picture.getextrema()[3][0] < 255:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        square = Image.new("RGBA", (SIDE, SIDE))
        square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    blurred = np.array(square.getchannel("A").filter(ImageFilter.GaussianBlur(SIDE / 32)))
    return torch.from_numpy(np.concatenate([np.array(square.convert("RGBa")), blurred[..., None]], 2)).permute(2, 0, 1)


def blends(part, palette):
    """Whether a sprite's edge [5, H, W] is similar to each of the colours [C, 3]: [C]."""
    ink, opaque = part[:3].float() / 255, part[3:4].float() / 255
    edge = opaque * functional.max_pool2d(1 - opaque, 5, 1, 2)  # within two pixels of what is not the thing
    distance = (ink / opaque.clamp_min(1e-3) - palette[:, :, None, None] / 255).square().sum(1, keepdim=True).sqrt()
    return ((distance < ALIKE) * edge).sum((1, 2, 3)) > EDGE * edge.sum().clamp_min(1)


class Pictures:
    """Sprite `r` is of thing `thing[r]` in style `style[r]`; `clear[r]`: whether a background shows beside it."""

    def __init__(self, things, device="cpu"):
        drawn, thing, style = [], [], []
        for number, each in enumerate(things):
            for kind, pictures in enumerate(each.pictures):
                for picture in pictures:
                    drawn.append(sprite(picture()))
                    thing.append(number)
                    style.append(kind)
        large = torch.stack(drawn)
        half = torch.cat([functional.avg_pool2d(part.float(), 2).round().byte() for part in large.split(64)])
        self.thing, self.style, self.count = torch.tensor(thing, device=device), torch.tensor(style, device=device), len(things)
        self.clear = (large[:, 3].amin((1, 2)) < 255).to(device)
        palette = torch.tensor([background.rgb for background in BACKGROUNDS]).float()
        quarter = [functional.avg_pool2d(part.float(), 2) for part in half.split(64)]
        alike = torch.stack([blends(part, palette) for chunk in quarter for part in chunk])
        bright = palette @ torch.tensor([0.299, 0.587, 0.114]) > BRIGHT
        glow = torch.where(bright, DARK, LIGHT)
        self.alike, self.glow = (alike & self.clear.cpu()[:, None]).to(device), glow.to(device)
        behind = backgrounds.drawn(SIDE)
        self.sprites = {SIDE: large.to(device), SIDE // 2: half.to(device), SIDE // 4: torch.cat(quarter).round().byte().to(device)}
        self.behind = {SIDE: behind.to(device)}
        for side in (SIDE // 2, SIDE // 4):
            self.behind[side] = functional.interpolate(behind.flatten(0, 1).float(), side, mode="area").byte().unflatten(0, behind.shape[:2]).to(device)

    def __len__(self):
        return len(self.thing)

    @torch.no_grad()
    def composed(self, scenes, side=SIDE):
        """[B, 3, side, side] in 0..1; `side`: SIDE, a half or a quarter of it."""
        picture = self.behind[side][scenes.background, scenes.variant].float() / 255
        sides, x, y = scenes.boxes()
        clear = self.clear[scenes.row[:, 0], None]  # any other picture is as large as the whole
        sides, x, y = torch.where(clear, sides, 1.0), torch.where(clear, x, 0.5), torch.where(clear, y, 0.5)
        middle = torch.stack([x, y], 2)
        for layer in range(2):
            rows = scenes.row[:, layer]
            shown = (rows >= 0).nonzero()[:, 0]
            if not len(shown):
                continue
            rows = rows[shown]
            scale = 1 / sides[shown, layer]
            shift = (1 - 2 * middle[shown, layer]) * scale[:, None]
            turn = torch.zeros(len(shown), 2, 3, device=scale.device)
            turn[:, 0, 0], turn[:, 1, 1], turn[:, :, 2] = scale, scale, shift
            grid = functional.affine_grid(turn, [len(shown), 5, side, side], align_corners=False)
            part = functional.grid_sample(self.sprites[side][rows].float() / 255, grid, align_corners=False)
            under = picture[shown]
            behind = scenes.background[shown]
            glow = (2 * part[:, 4:]).clamp(max=1) * 0.9 * self.alike[rows, behind].float()[:, None, None, None]
            under = under * (1 - glow) + glow * self.glow[behind][:, None, None, None]
            picture[shown] = under * (1 - part[:, 3:4]) + part[:, :3]
        return picture.clamp(0, 1)
