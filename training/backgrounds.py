"""What is behind the things: plain colours, and scenes that are drawn here."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw

VARIANTS = 12  # of a scene
SHARPER = 2  # scenes are drawn this much larger, then reduced


class Background(NamedTuple):
    rgb: tuple[int, int, int]  # of a scene: its middle, where things stand
    en: str
    ru: str  # красный (фон); of a scene: снег
    ru_on: str  # (на) красном (фоне); of a scene: (на фоне) снега
    ways_en: tuple[str, ...] = ()  # of a scene only: what is said of a thing in it
    ways_ru: tuple[str, ...] = ()


COLOURS = [
    Background((250, 250, 250), "white", "белый", "белом"),
    Background((16, 16, 18), "black", "чёрный", "чёрном"),
    Background((214, 40, 40), "red", "красный", "красном"),
    Background((245, 130, 32), "orange", "оранжевый", "оранжевом"),
    Background((250, 214, 50), "yellow", "жёлтый", "жёлтом"),
    Background((52, 158, 72), "green", "зелёный", "зелёном"),
    Background((36, 72, 196), "blue", "синий", "синем"),
    Background((128, 200, 240), "light blue", "голубой", "голубом"),
    Background((128, 52, 168), "purple", "фиолетовый", "фиолетовом"),
    Background((246, 150, 190), "pink", "розовый", "розовом"),
    Background((130, 130, 134), "gray", "серый", "сером"),
]
SCENES = [
    Background((228, 238, 248), "snow", "снег", "снега",
               ("in the snow", "in snow", "on the snow", "in winter", "on a snowy field", "in a snowy landscape"),
               ("в снегу", "на снегу", "зимой", "среди снега", "на фоне снега", "в снежном поле")),
    Background((110, 176, 76), "grass", "трава", "травы",
               ("on the grass", "on grass", "in the grass", "on green grass", "in a meadow", "on a meadow", "on a lawn", "in a field", "in summer"),
               ("на траве", "в траве", "на зелёной траве", "на лугу", "на лужайке", "на поляне", "в поле", "летом", "на фоне травы")),
    Background((44, 128, 196), "sea", "море", "моря",
               ("at sea", "in the sea", "by the sea", "on the sea", "in the ocean", "on the water", "by the ocean"),
               ("в море", "на море", "у моря", "в океане", "на воде", "на фоне моря", "среди волн")),
    Background((22, 28, 66), "night sky", "ночное небо", "ночного неба",
               ("at night", "in the night sky", "under the stars", "under the night sky", "in the night", "under a starry sky", "in space"),
               ("ночью", "в ночном небе", "под звёздами", "под ночным небом", "в ночи", "под звёздным небом", "на фоне ночного неба", "в космосе")),
    Background((240, 130, 80), "sunset", "закат", "заката",
               ("at sunset", "in the sunset", "at dusk", "in the evening", "against the sunset", "with a sunset"),
               ("на закате", "на фоне заката", "вечером", "в лучах заката", "под закатным небом")),
]  # fmt: skip
BACKGROUNDS = COLOURS + SCENES


def gradient(side, stops):
    """Rows of colours through `stops`: (height in 0..1, colour)."""
    heights, colours = zip(*stops, strict=True)
    rows = np.stack([np.interp(np.linspace(0, 1, side), heights, [colour[channel] for colour in colours]) for channel in range(3)], 1)
    return Image.fromarray(np.repeat(rows[:, None], side, 1).round().astype(np.uint8))


def hill(draw, side, random, top, colour):
    """A wavy ground from about `top` of the height down."""
    x = np.arange(0, side + 1, 4)
    y = side * (top + 0.03 * np.sin(x / side * random.uniform(3, 6) + random.uniform(0, 6)))
    draw.polygon([(0, side), *zip(x.tolist(), y.tolist(), strict=True), (side, side)], fill=colour)


def dots(draw, side, random, count, sizes, colour, below=1.0):
    for _ in range(count):
        x, y, r = random.uniform(0, side), random.uniform(0, side * below), side * random.uniform(*sizes)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def snow(side, random):
    picture = gradient(side, [(0, (160, 200, 232)), (0.6, (222, 236, 248))])
    draw = ImageDraw.Draw(picture)
    hill(draw, side, random, 0.5, (226, 236, 247))
    hill(draw, side, random, 0.66, (247, 250, 254))
    dots(draw, side, random, 60, (0.006, 0.014), (255, 255, 255))
    return picture


def grass(side, random):
    picture = gradient(side, [(0, (128, 196, 240)), (0.6, (206, 234, 250))])
    draw = ImageDraw.Draw(picture)
    hill(draw, side, random, 0.5, (126, 192, 92))
    hill(draw, side, random, 0.64, (92, 166, 66))
    for _ in range(90):
        x, y = random.uniform(0, side), random.uniform(0.68 * side, side)
        draw.line((x, y, x + side * random.uniform(-0.01, 0.01), y - side * 0.04), fill=(66, 138, 48), width=max(1, side // 128))
    return picture


def sea(side, random):
    level = random.uniform(0.4, 0.48)
    stops = [(0, (120, 192, 240)), (level, (206, 234, 250)), (level + 0.002, (36, 120, 190)), (1, (18, 78, 150))]
    picture = gradient(side, stops)
    draw = ImageDraw.Draw(picture)
    for _ in range(26):
        y = side * random.uniform(level + 0.06, 1)
        x, width = random.uniform(-0.1, 1) * side, side * random.uniform(0.06, 0.16)
        draw.arc((x, y, x + width, y + width / 3), 200, 340, fill=(140, 200, 234), width=max(1, side // 100))
    return picture


def night(side, random):
    picture = gradient(side, [(0, (10, 12, 40)), (1, (40, 48, 104))])
    draw = ImageDraw.Draw(picture)
    dots(draw, side, random, 70, (0.003, 0.009), (255, 250, 220), 0.92)
    return picture


def sunset(side, random):
    level = random.uniform(0.62, 0.7)
    stops = [(0, (92, 60, 132)), (0.35, (226, 96, 96)), (level, (254, 190, 90)), (level + 0.002, (110, 56, 84)), (1, (58, 34, 66))]
    picture = gradient(side, stops)
    middle, radius = side * random.uniform(0.2, 0.8), side * 0.1
    box = (middle - radius, side * level - radius, middle + radius, side * level + radius)
    ImageDraw.Draw(picture).pieslice(box, 180, 360, fill=(255, 236, 150))
    return picture


def drawn(side):
    """All backgrounds in several variants each: bytes [BACKGROUNDS, VARIANTS, 3, side, side]; those of a colour are equal."""
    pictures = []
    for colour in COLOURS:
        pictures.append(torch.tensor(colour.rgb, dtype=torch.uint8)[None, :, None, None].expand(VARIANTS, 3, side, side))
    for number, scene in enumerate((snow, grass, sea, night, sunset)):
        variants = []
        for variant in range(VARIANTS):
            large = scene(side * SHARPER, np.random.default_rng((number, variant)))
            variants.append(torch.from_numpy(np.array(large.resize((side, side), Image.Resampling.BOX))).permute(2, 0, 1))
        pictures.append(torch.stack(variants))
    return torch.stack(pictures)
