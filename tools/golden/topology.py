"""Names and shapes of every tensor of the published networks, as tests/golden/topology/PART/{config.json,tensors.txt}.

From diffusers' and transformers' classes on torch's meta device: nothing is downloaded, and no memory is taken."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import sd_specs
from folders import ROOT, write_json
from specs import full_spec

OUT = ROOT / "tests/golden/topology"
CONFIGS = {  # transformers' classes take them whole
    CLIPTextModel: CLIPTextConfig,
    CLIPTextModelWithProjection: CLIPTextConfig,
    StableDiffusionSafetyChecker: CLIPConfig,
}
VISION = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14}
CHECKER = {"projection_dim": 768, "vision_config": VISION}


def main():
    spec = full_spec("f32")
    parts = {
        "prior": (WuerstchenPrior, spec["prior"]),
        "prior_text_encoder": (CLIPTextModel, spec["prior_text"]),
        "decoder": (WuerstchenDiffNeXt, spec["decoder"]),
        "text_encoder": (CLIPTextModel, spec["decoder_text"]),
        "vqgan": (PaellaVQModel, spec["vqgan"]),
        **{f"text_encoder_{family}": (CLIPTextModel, sd_specs.full_spec(family, "f32")["texts"][0]) for family in ("sd1", "sd2")},
        "text_encoder_2_sdxl": (CLIPTextModelWithProjection, sd_specs.full_spec("sdxl", "f32")["texts"][1]),
        **{f"unet_{family}": (UNet2DConditionModel, sd_specs.full_spec(family, "f32")["unet"]) for family in ("sd1", "sd2", "lcm", "sdxl")},
        "autoencoder_kl": (AutoencoderKL, sd_specs.full_spec("sd1", "f32")["vae"]),
        "autoencoder_tiny": (AutoencoderTiny, {}),
        "safety_checker": (StableDiffusionSafetyChecker, CHECKER),
    }
    for part, (kind, config) in parts.items():
        with torch.device("meta"):
            module = kind(CONFIGS[kind](**config)) if kind in CONFIGS else kind(**config)
        write_json(OUT / part / "config.json", {"_class_name": kind.__name__, **config})
        lines = [f"{name} {list(tensor.shape)}\n" for name, tensor in sorted(module.state_dict().items())]
        (OUT / part / "tensors.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
