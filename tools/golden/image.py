"""Small noise pictures resized by Pillow, and pictures in every kind of PNG, JPEG and WebP with the result of convert("RGB").

image.py    writes tests/golden/image
"""

import io
import json
import shutil
import struct
import zlib

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


def exif_of(orientation, order, kind="H"):
    """Exif with a description and the orientation, in byte order `order` and of the type of `kind`: H is short, L long."""
    text = b"described\0"
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, 8)
    value = struct.pack(order + kind, orientation).ljust(4, b"\0")
    entries = struct.pack(order + "HHHLLHHL", 2, 0x010E, 2, len(text), 38, 0x0112, {"H": 3, "L": 4}[kind], 1) + value
    return head + entries + struct.pack(order + "L", 0) + text


def png_with_exif(picture, exif, after):
    """A PNG with a chunk eXIf before or after the pixels."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = file.getvalue()
    chunk = struct.pack(">L", len(exif)) + b"eXIf" + exif + struct.pack(">L", zlib.crc32(b"eXIf" + exif))
    at = len(data) - 12 if after else 33
    return data[:at] + chunk + data[at:]


def write_turned(picture):
    """Every orientation in PNG, JPEG and WebP, in both byte orders, and values that mean nothing."""
    files = {}
    for orientation in range(10):  # 0 and 9 are none
        order = "<>"[orientation % 2]
        files[f"turned-{orientation}.png"] = png_with_exif(picture, exif_of(orientation, order), after=False)
        files[f"turned-after-{orientation}.png"] = png_with_exif(picture, exif_of(orientation, "><"[orientation % 2]), after=True)
        for kind, more in (("jpg", {}), ("webp", {"lossless": True})):
            file = io.BytesIO()
            name = b"Exif\0\0" if kind == "jpg" or orientation % 3 == 0 else b""  # some programs write it in WebP, too
            picture.save(file, {"jpg": "JPEG", "webp": "WEBP"}[kind], exif=name + exif_of(orientation, order), **more)
            files[f"turned-{orientation}.{kind}"] = file.getvalue()
    files["turned-long-6.png"] = png_with_exif(picture, exif_of(6, ">", "L"), after=False)
    files["turned-65535.png"] = png_with_exif(picture, exif_of(65535, "<"), after=False)
    for name, data in files.items():
        (OUT / name).write_bytes(data)
    return list(files)


def write_cmyk(picture):
    """CMYK as Pillow writes it, the same as YCCK, and CMYK without the segment of Adobe's."""
    picture.convert("CMYK").save(OUT / "cmyk.jpg")
    cmyk = noise((21, 13), 4, 102)
    Image.fromarray(cmyk, "CMYK").save(OUT / "cmyk-ink.jpg", quality=95)
    data = (OUT / "cmyk-ink.jpg").read_bytes()
    at = data.index(b"Adobe\0") - 4
    (OUT / "cmyk-plain.jpg").write_bytes(data[:at] + data[at + 16:])
    ycck = bytearray(data)
    ycck[at + 15] = 2  # the transform: the same numbers, taken as YCCK
    (OUT / "ycck.jpg").write_bytes(ycck)
    return ["cmyk.jpg", "cmyk-ink.jpg", "cmyk-plain.jpg", "ycck.jpg"]


def write_webp(rgba):
    """Still pictures with and without losses and transparency, and an animation whose first frame is smaller than the canvas."""
    picture = Image.fromarray(rgba)
    picture.convert("RGB").save(OUT / "lossy.webp", quality=80)
    picture.convert("RGB").save(OUT / "lossless.webp", lossless=True)
    picture.save(OUT / "alpha.webp", quality=80)
    picture.save(OUT / "alpha-lossless.webp", lossless=True, exact=True)
    first = Image.new("RGBA", (13, 7))
    first.paste(picture.crop((0, 0, 5, 3)), (4, 2))
    first.save(OUT / "animated.webp", save_all=True, append_images=[picture.convert("RGB").convert("RGBA")], lossless=True, duration=100)
    return [f"{name}.webp" for name in ("lossy", "lossless", "alpha", "alpha-lossless", "animated")]


def write_deep(rgba):
    """16 bits a channel, whose lower halves are noise."""
    deep = rgba.astype(">u2") << 8 | noise((13, 7), 4, 103)
    kinds = {"grey-16": (0, deep[..., :1]), "rgb-16": (2, deep[..., :3]), "rgba-16": (6, deep), "grey-alpha-16": (4, deep[..., :2])}
    for name, (colour, pixels) in kinds.items():
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
        data = b"\x89PNG\r\n\x1a\n"
        header = struct.pack(">LLBBBBB", 13, 7, 16, colour, 0, 0, 0)
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            data += struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
        (OUT / f"{name}.png").write_bytes(data)
    return [f"{name}.png" for name in kinds if name != "grey-16"]  # Pillow turns all above 255 of 65535 into white


def reading():
    """`read.json` has for each file the one with the pixels that diffusers' load_image makes of it, and whether some are transparent."""
    rgba, size = noise((13, 7), 4, 100), (13, 7)
    grey = Image.fromarray(rgba[..., 0])
    palette = Image.fromarray(rgba[..., :3]).quantize(16)
    pictures = {
        "rgb": Image.fromarray(rgba[..., :3]),
        "rgba": Image.fromarray(rgba),
        "opaque": Image.fromarray(rgba[..., :3]).convert("RGBA"),
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
    kinds += write_turned(photo) + write_cmyk(photo) + write_webp(rgba) + write_deep(rgba)
    expected = {}  # pixels: the file that has them
    rows = []
    for kind in kinds:
        picture = Image.open(OUT / kind)
        pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        transparent = picture.has_transparency_data and np.asarray(picture.convert("RGBA"))[..., 3].min() < 255
        key = (pixels.shape, pixels.tobytes())
        if key not in expected:
            expected[key] = f"{kind}-rgb.png"
            Image.fromarray(pixels).save(OUT / expected[key])
        rows.append({"file": kind, "pixels": expected[key], "transparent": bool(transparent)})
    (OUT / "read.json").write_text(json.dumps(rows, indent=1) + "\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    resizing()
    reading()


if __name__ == "__main__":
    main()
