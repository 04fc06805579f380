"""Stage B's compressor: fixed principal components of patches. It is linear, so a picture over a colour is a sum of cached parts."""

import torch
from safetensors.torch import load_file, save
from torch.nn import functional

FILE = "compressor.safetensors"
CHANNELS, PATCH, GRID = 16, 16, 6  # 6x6 patches of 16x16 pixels of the picture at 96x96


class Compressor:
    """Latents [B, 16, 6, 6] of pictures [B, 3, 128, 128] in 0..1, each channel with unit variance over the pictures it was fitted to."""

    def __init__(self, mean, basis, variance):
        self.mean, self.basis = mean, basis  # [768], [768, 16]
        self.variance = variance  # fraction of the pictures' variance that is preserved

    @classmethod
    def of(cls, pictures, most=2000):
        """Fits to a deterministic sample of Pictures over colours."""
        chosen = torch.arange(0, len(pictures), max(1, len(pictures) // most))
        patches = cls._patches(pictures.over(chosen, chosen % len(pictures.palette))).flatten(0, 1)
        mean = patches.mean(0)
        centred = patches - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        kept = values[-CHANNELS:].flip(0)
        return cls(mean, vectors[:, -CHANNELS:].flip(1) / kept.clamp_min(1e-4 * kept[0]).sqrt(), (kept.sum() / values.sum()).item())

    def save(self, path):
        """Loads the compressor of an existing model, which further training must keep."""
        path.write_bytes(save({"mean": self.mean, "basis": self.basis.contiguous(), "variance": torch.tensor(self.variance)}))

    @classmethod
    def load(cls, path):
        parts = load_file(path)
        return cls(parts["mean"], parts["basis"], parts["variance"].item())

    @staticmethod
    def _patches(pictures):
        small = functional.interpolate(pictures, size=GRID * PATCH, mode="bilinear", antialias=True)
        return functional.unfold(small, PATCH, stride=PATCH).transpose(1, 2)  # [B, 36, 768]

    def _project(self, patches):
        return (patches @ self.basis).transpose(1, 2).unflatten(2, (GRID, GRID))

    def __call__(self, pictures):
        return self._project(self._patches(pictures) - self.mean)

    def restored(self, latents):
        """The blurred pictures [B, 3, 96, 96] reconstructed from latents."""
        patches = latents.flatten(2).transpose(1, 2) @ torch.linalg.pinv(self.basis) + self.mean
        return functional.fold(patches.transpose(1, 2), GRID * PATCH, PATCH, stride=PATCH)


class Latents:
    """The latents of every picture over every colour, from precomputed parts."""

    def __init__(self, compressor, pictures):
        ink, gaps = [], []
        for start in range(0, len(pictures.ink), 64):
            chunk = slice(start, start + 64)
            ink.append(compressor(pictures.ink[chunk].float() / 255))
            gap = pictures.gap[chunk].float() / 255
            gaps.append(
                torch.stack(
                    [
                        compressor._project(compressor._patches(gap * torch.eye(3)[channel].view(1, 3, 1, 1)))
                        for channel in range(3)
                    ],
                    dim=1,
                )
            )
        self.ink, self.gaps = torch.cat(ink), torch.cat(gaps)
        self.shown, self.palette = pictures.shown, pictures.palette / 255

    def over(self, pictures, colours):
        rows = self.shown(pictures, colours)
        return self.ink[rows] + torch.einsum("bc,bckhw->bkhw", self.palette[colours], self.gaps[rows])
