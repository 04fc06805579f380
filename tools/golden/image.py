"""Small noise pictures resized by Pillow, and pictures in every kind of PNG and JPEG with the result of convert("RGB").

image.py    writes tests/golden/image
"""

import json
import shutil

import numpy as np
from PIL import Image, ImageOps

from folders import ROOT

OUT = ROOT / "tests/golden/image"
SIZES = (  # before and after
    ((37, 21), (64, 48)),
    ((37, 21), (16, 8)),
    ((37, 21), (37, 40)),
    ((37, 21), (5, 21)),
    ((64, 64), (100, 3)),
    ((40, 52), (31, 34)),  # on either side of the line past which Pillow takes the columns first
    ((40, 52), (31, 33)),
    ((1, 1), (7, 9)),
    ((90, 11), (1, 1)),
)


def noise(size, channels, seed):
    """Noise with many small and extreme values, so that sums overshoot."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    return np.where(random.random(values.shape) < 0.3, np.uint8(255) * (values > 127), values).astype(np.uint8)


def resizing():
    rows = []
    for number, (before, after) in enumerate(SIZES):
        source = Image.fromarray(noise(before, 3, number))
        source.save(OUT / f"source-{number}.png")
        for name, kind in (("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)):
            file = f"{name}-{number}.png"
            source.resize(after, kind).save(OUT / file)
            rows.append({"filter": name, "source": f"source-{number}.png", "file": file})
    (OUT / "resize.json").write_text(json.dumps(rows, indent=1) + "\n")


def reading():
    """`KIND` as `KIND-rgb.png`, rotated according to its Exif."""
    rgba, size = noise((13, 7), 4, 100), (13, 7)
    grey = Image.fromarray(rgba[..., 0])
    palette = Image.fromarray(rgba[..., :3]).quantize(16)
    pictures = {
        "rgb": Image.fromarray(rgba[..., :3]),
        "rgba": Image.fromarray(rgba),
        "grey": grey,
        "grey-alpha": Image.merge("LA", [grey, Image.fromarray(rgba[..., 3])]),
        "bits": Image.fromarray(rgba[..., 0]).convert("1"),
        "palette": palette,
    }
    for kind, picture in pictures.items():
        picture.save(OUT / f"{kind}.png")
        assert picture.size == size
    palette.save(OUT / "palette-alpha.png", transparency=3)
    grey.save(OUT / "grey-key.png", transparency=17)
    kinds = [f"{kind}.png" for kind in (*pictures, "palette-alpha", "grey-key")]

    photo = Image.fromarray(noise((21, 13), 3, 101))
    photo.save(OUT / "rgb.jpg")
    photo.save(OUT / "progressive.jpg", quality=95, subsampling=0, progressive=True)
    grey.save(OUT / "grey.jpg")
    kinds += ["rgb.jpg", "progressive.jpg", "grey.jpg"]
    for orientation in range(9):  # 0 is none
        exif = Image.Exif()
        exif[0x010E] = "described"
        exif[0x0112] = orientation
        kinds.append(f"turned-{orientation}.jpg")
        photo.save(OUT / kinds[-1], exif=exif)
    for kind in kinds:
        with Image.open(OUT / kind) as picture:
            Image.fromarray(np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))).save(OUT / f"{kind}-rgb.png")
    photo.convert("CMYK").save(OUT / "cmyk.jpg")
    (OUT / "read.json").write_text(json.dumps(kinds, indent=1) + "\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    resizing()
    reading()


if __name__ == "__main__":
    main()
