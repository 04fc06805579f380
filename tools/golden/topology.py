"""Names and shapes of every tensor of the published Würstchen, as tests/golden/topology/PART/{config.json,tensors.txt}.

From diffusers' and transformers' classes on torch's meta device: nothing is downloaded, and no memory is taken."""

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from transformers import CLIPTextConfig, CLIPTextModel

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
    }
    for part, (kind, config) in parts.items():
        with torch.device("meta"):
            module = kind(CLIPTextConfig(**config)) if kind is CLIPTextModel else kind(**config)
        write_json(OUT / part / "config.json", {"_class_name": kind.__name__, **config})
        lines = [f"{name} {list(tensor.shape)}\n" for name, tensor in sorted(module.state_dict().items())]
        (OUT / part / "tensors.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
