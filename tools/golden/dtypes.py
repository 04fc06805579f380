"""Every value of the 8-bit types, and some of the 64-bit one, as torch converts them to f32: writes tests/golden/dtypes.safetensors."""

import torch
from safetensors.torch import save_file

from folders import ROOT


def every():
    return torch.arange(256, dtype=torch.uint8)


def main():
    doubles = torch.tensor([0.0, -0.0, 1 / 3, -2.5, 1e-50, 3e-39, 1.5e-45, 3.4028234e38, 3.4028235677973366e38, 3.5e38, -1e300, float("inf"), float("nan")], dtype=torch.float64)
    tensors = {"f8_e4m3": every().view(torch.float8_e4m3fn), "f8_e5m2": every().view(torch.float8_e5m2), "f64": doubles}
    expected = {f"{name}.f32": tensor.to(torch.float32) for name, tensor in tensors.items()}
    path = ROOT / "tests/golden/dtypes.safetensors"
    save_file(tensors | expected, path)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
