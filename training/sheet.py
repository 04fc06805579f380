"""Sheets of pictures."""

import numpy as np
from PIL import Image

from .pictures import SIDE


def from_tensor(batch):
    return [Image.fromarray(np.uint8(picture.float().clamp(0, 1).permute(1, 2, 0).cpu() * 255 + 0.5)) for picture in batch]


def write(path, images, columns=8, side=SIDE // 2):
    sheet = Image.new("RGB", (columns * side, -(-len(images) // columns) * side), "white")
    for number, image in enumerate(images):
        sheet.paste(image.resize((side, side), Image.Resampling.LANCZOS), (number % columns * side, number // columns * side))
    partial = path.with_suffix(".partial")
    sheet.save(partial, format="JPEG" if path.suffix == ".jpg" else "PNG", quality=90)
    partial.replace(path)
