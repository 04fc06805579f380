"""Stage B's compressor: fixed principal components of patches."""

import torch
from safetensors.torch import load_file, save
from torch.nn import functional

FILE = "compressor.safetensors"
CHANNELS, PATCH, GRID = 16, 16, 8  # 8x8 patches of 16x16 pixels of the picture at 128x128


class Compressor:
    """Latents [B, 16, 8, 8] of pictures [B, 3, 128, 128] in 0..1, each channel with unit variance over the pictures it was fitted to."""

    def __init__(self, mean, basis, variance):
        self.mean, self.basis = mean, basis  # [768], [768, 16]
        self.variance = variance  # fraction of the pictures' variance that is preserved

    @classmethod
    def of(cls, pictures):
        patches = cls._patches(pictures).flatten(0, 1).float()
        mean = patches.mean(0)
        centred = patches - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        kept = values[-CHANNELS:].flip(0)
        return cls(mean, vectors[:, -CHANNELS:].flip(1) / kept.clamp_min(1e-4 * kept[0]).sqrt(), (kept.sum() / values.sum()).item())

    def save(self, path):
        """Further training of a model must keep its compressor."""
        parts = {"mean": self.mean, "basis": self.basis.contiguous(), "variance": torch.tensor(self.variance)}
        path.write_bytes(save({name: part.cpu() for name, part in parts.items()}))

    @classmethod
    def load(cls, path, device="cpu"):
        parts = load_file(path, device=str(device))
        return cls(parts["mean"], parts["basis"], parts["variance"].item())

    @staticmethod
    def _patches(pictures):
        return functional.unfold(pictures, PATCH, stride=PATCH).transpose(1, 2)  # [B, 64, 768]

    def __call__(self, pictures):
        return ((self._patches(pictures) - self.mean) @ self.basis).transpose(1, 2).unflatten(2, (GRID, GRID))

    def restored(self, latents):
        """The blurred pictures [B, 3, 128, 128] reconstructed from latents."""
        patches = latents.flatten(2).transpose(1, 2) @ torch.linalg.pinv(self.basis) + self.mean
        return functional.fold(patches.transpose(1, 2), GRID * PATCH, PATCH, stride=PATCH)
