"""Names and shapes of every tensor of the published networks, as tests/golden/topology/PART/{config.json,tensors.txt}.

From diffusers' and transformers' classes on torch's meta device: nothing is downloaded, and no memory is taken."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from transformers import CLIPTextConfig, CLIPTextModel

import sd_specs
from folders import ROOT, write_json
from specs import full_spec

OUT = ROOT / "tests/golden/topology"


def main():
    spec = full_spec("f32")
    parts = {
        "prior": (WuerstchenPrior, spec["prior"]),
        "prior_text_encoder": (CLIPTextModel, spec["prior_text"]),
        "decoder": (WuerstchenDiffNeXt, spec["decoder"]),
        "text_encoder": (CLIPTextModel, spec["decoder_text"]),
        "vqgan": (PaellaVQModel, spec["vqgan"]),
        **{f"unet_{family}": (UNet2DConditionModel, sd_specs.full_spec(family, "f32")["unet"]) for family in ("sd1", "sd2", "lcm", "sdxl")},
        "autoencoder_kl": (AutoencoderKL, sd_specs.full_spec("sd1", "f32")["vae"]),
        "autoencoder_tiny": (AutoencoderTiny, {}),
    }
    for part, (kind, config) in parts.items():
        with torch.device("meta"):
            module = kind(CLIPTextConfig(**config)) if kind is CLIPTextModel else kind(**config)
        write_json(OUT / part / "config.json", {"_class_name": kind.__name__, **config})
        lines = [f"{name} {list(tensor.shape)}\n" for name, tensor in sorted(module.state_dict().items())]
        (OUT / part / "tensors.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
