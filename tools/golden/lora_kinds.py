"""Changes of single layers by every kind of LoRA, with the weights that LyCORIS and peft make of them: writes tests/golden/lora/kinds.

Needs the packages of requirements-lycoris.txt as well. In kinds.safetensors `original/LAYER.weight` and `.bias` are a model's layers;
`CASE/KEY` are the tensors of a LoRA file, and `CASE:LAYER.weight` and `CASE:LAYER.bias` the layer with it. kinds.json has the weight of each
LoRA.
"""

import json

import torch
from lycoris.functional.general import apply_dora_scale
from lycoris.modules import FullModule, GLoRAModule, IA3Module, LoConModule, LohaModule, LokrModule, NormModule
from peft.tuners.lora import Conv2d as PeftConv2d
from peft.tuners.lora import Linear as PeftLinear
from peft.tuners.lora import LoraConfig
from safetensors.torch import save_file

from folders import ROOT

OUT = ROOT / "tests/golden/lora"


def make_layers():
    torch.manual_seed(5)
    layers = {
        "linear": torch.nn.Linear(8, 12),
        "square": torch.nn.Linear(8, 8, bias=False),
        "conv": torch.nn.Conv2d(6, 8, 3, padding=1),
        "point": torch.nn.Conv2d(8, 6, 1),
        "norm": torch.nn.GroupNorm(2, 8),
    }
    for layer in layers.values():
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter)
    return layers


def randomise(module):
    for parameter in module.parameters():
        parameter.data = torch.randn_like(parameter) * 0.5
    if hasattr(module, "dora_scale"):  # some magnitudes of a trained file
        module.dora_scale.data = module.dora_scale.data.abs() + 0.5


class Writer:
    def __init__(self):
        self.layers = make_layers()
        self.tensors, self.weights = {}, {}
        for name, layer in self.layers.items():
            for part, value in layer.named_parameters():
                self.tensors[f"original/{name}.{part}"] = value.data

    def add(self, case, layer, parts, weight, bias=None, factor=1.0):
        for key, value in parts.items():
            self.tensors[f"{case}/lora_unet_{layer}.{key}"] = value.detach().clone()
        self.tensors[f"{case}:{layer}.weight"] = weight.detach().clone()
        if bias is not None:
            self.tensors[f"{case}:{layer}.bias"] = bias.detach().clone()
        self.weights[case] = factor

    def lycoris(self, case, kind, layer, factor=1.0, **options):
        original = self.layers[layer]
        module = kind(f"lora_unet_{layer}", original, 1.0, **options)
        randomise(module)
        if kind in (LohaModule, LokrModule):
            changed = original.weight + module.get_weight(module.shape) * factor
            # Their forward; their get_merged_weight multiplies by alpha / rank twice.
            if module.wd:
                changed = module.apply_weight_decompose(changed)
            bias = None
        elif kind in (FullModule, NormModule):
            diff, diff_b = module.get_diff_weight(factor)
            changed, bias = original.weight + diff, original.bias + diff_b
        else:
            changed, bias = module.get_merged_weight(factor)
        parts = module.state_dict()
        if kind is FullModule:
            parts = {"diff": module.weight, "diff_b": module.bias}
        parts = {key: value for key, value in parts.items() if value is not None}
        self.add(case, layer, parts, changed.reshape(original.weight.shape), bias, factor)

    def dora_between(self, case, layer, factor):
        """LyCORIS' interpolation."""
        original = self.layers[layer].weight
        module = LoConModule(f"lora_unet_{layer}", self.layers[layer], 1.0, lora_dim=2, alpha=1, weight_decompose=True, wd_on_out=False)
        randomise(module)
        diff, _ = module.get_diff_weight()
        changed = apply_dora_scale(original, diff, module.dora_scale, factor)
        self.add(case, layer, module.state_dict(), changed, None, factor)

    def peft(self, case, layer, factor=1.0, **options):
        original = self.layers[layer]
        kind = PeftConv2d if isinstance(original, torch.nn.Conv2d) else PeftLinear
        copy = type(original).__new__(type(original))
        copy.__dict__ = {**original.__dict__, "_parameters": {k: torch.nn.Parameter(v.data.clone()) for k, v in original.named_parameters()}}
        config = LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, **options)
        module = kind(copy, "default", config, r=2, lora_alpha=2)
        for name, parameter in module.named_parameters():
            if "lora_" in name:
                value = torch.randn_like(parameter) * 0.5
                parameter.data = value.abs() + 0.5 if "magnitude" in name else value
        module.set_scale("default", factor)
        parts = {key.replace(".default", ""): value for key, value in module.state_dict().items() if "lora_" in key}
        module.merge()
        merged = module.get_base_layer()
        self.add(case, layer, parts, merged.weight, merged.bias if options.get("lora_bias") else None, factor)


def main():
    torch.set_num_threads(1)
    w = Writer()
    for layer in ("linear", "conv", "point"):
        w.lycoris(f"lora-{layer}", LoConModule, layer, 0.75, lora_dim=3, alpha=1)
        w.lycoris(f"loha-{layer}", LohaModule, layer, lora_dim=2, alpha=1)
        w.lycoris(f"glora-{layer}", GLoRAModule, layer, 0.5, lora_dim=3, alpha=1)
        w.lycoris(f"ia3-in-{layer}", IA3Module, layer, train_on_input=True)
        w.lycoris(f"ia3-out-{layer}", IA3Module, layer, 0.5)
        w.lycoris(f"full-{layer}", FullModule, layer, -0.5)
        # The first factor whole and the second a product; both products; both whole, whose alpha does not count.
        w.lycoris(f"lokr-{layer}", LokrModule, layer, lora_dim=1, alpha=0.5)
        w.lycoris(f"lokr-both-{layer}", LokrModule, layer, lora_dim=1, alpha=0.5, decompose_both=True, factor=4)
        w.lycoris(f"lokr-whole-{layer}", LokrModule, layer, 0.5, lora_dim=4, alpha=1, full_matrix=True)
        w.peft(f"peft-{layer}", layer, 0.5)
        w.peft(f"peft-bias-{layer}", layer, 0.5, lora_bias=True)
        w.peft(f"peft-dora-{layer}", layer, use_dora=True)
        w.peft(f"peft-dora-half-{layer}", layer, 0.5, use_dora=True)
    for layer in ("linear", "square", "conv", "point"):
        w.lycoris(f"dora-{layer}", LoConModule, layer, lora_dim=2, alpha=1, weight_decompose=True)
        w.lycoris(f"dora-in-{layer}", LoConModule, layer, lora_dim=2, alpha=1, weight_decompose=True, wd_on_out=False)
        w.dora_between(f"dora-half-{layer}", layer, 0.5)
        w.lycoris(f"loha-dora-{layer}", LohaModule, layer, lora_dim=2, alpha=1, weight_decompose=True)
        w.lycoris(f"lokr-dora-{layer}", LokrModule, layer, lora_dim=1, alpha=0.5, weight_decompose=True, wd_on_out=False)
    w.lycoris("lora-tucker-conv", LoConModule, "conv", 0.75, lora_dim=3, alpha=1, use_tucker=True)
    w.lycoris("loha-tucker-conv", LohaModule, "conv", lora_dim=3, alpha=1, use_tucker=True)
    w.lycoris("lokr-tucker-conv", LokrModule, "conv", lora_dim=1, alpha=0.5, use_tucker=True)
    w.lycoris("norm", NormModule, "norm", 0.5)
    save_file({key: value.contiguous() for key, value in w.tensors.items()}, OUT / "kinds.safetensors")
    (OUT / "kinds.safetensors").chmod(0o644)
    (OUT / "kinds.json").write_text(json.dumps(w.weights, indent=1) + "\n")
    for case in w.weights:
        print(case, *(f"{key.split('/')[1].split('.', 1)[1]}{list(value.shape)}" for key, value in w.tensors.items() if key.startswith(f"{case}/")))


if __name__ == "__main__":
    main()
