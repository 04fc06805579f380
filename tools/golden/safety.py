"""Safety checkers with random weights, and the results of diffusers' StableDiffusionSafetyChecker: writes tests/golden/safety."""

import inspect
import shutil
import textwrap

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import safety_checker
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessor

from folders import ROOT, write_json

OUT = ROOT / "tests/golden/safety"
DRAWN = ROOT / "tests/golden/stable_diffusion/sd1-1.png"  # what a checker sees that stands in the folder of this model
KIND = safety_checker.StableDiffusionSafetyChecker
SIZES = [(24, 24), (40, 31), (16, 52), (97, 64)]  # width, height; one of them is enlarged
SPECS = {
    # As published files are: names of transformers before 5, the rest of a CLIP, vision_config_dict, f16.
    "published": {
        "vision": {"hidden_size": 16, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 24, "patch_size": 8},
        "projection_dim": 12,
        "dtype": torch.float16,
        "processor": {"crop_size": 24, "size": 24, "feature_extractor_type": "CLIPFeatureExtractor"},
    },
    # As transformers 5 writes them; a size that no patch divides, a crop smaller than the resized picture.
    "recent": {
        "vision": {
            "hidden_size": 18,
            "intermediate_size": 20,
            "num_hidden_layers": 1,
            "num_attention_heads": 3,
            "image_size": 23,
            "patch_size": 5,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-4,
        },
        "projection_dim": 7,
        "dtype": torch.float32,
        "processor": {
            "crop_size": {"height": 23, "width": 23},
            "size": {"shortest_edge": 28},
            "image_mean": [0.5, 0.4, 0.3],
            "image_std": [0.2, 0.3, 0.4],
            "rescale_factor": 0.004,
            "image_processor_type": "CLIPImageProcessor",
        },
    },
}


def values(name, tensor, generator):
    noise = torch.randn(tensor.shape, generator=generator)
    if name.endswith("embeds_weights"):
        return (0.3 if "special" in name else 0.55) + 0.05 * noise
    if name.endswith("bias"):
        return 0.1 * noise
    if "norm" in name:
        return 1 + 0.2 * noise
    return noise if "embed" in name and "patch" not in name else 1.2 * noise / tensor[0].numel() ** 0.5


def published(tensors):
    """Their names and what else such files hold; nothing reads it."""
    deeper = {f"vision_model.{name}" if name.startswith("vision_model.") else name: tensor for name, tensor in tensors.items()}
    positions = deeper["vision_model.vision_model.embeddings.position_embedding.weight"].shape[0]
    more = {"vision_model.vision_model.embeddings.position_ids": torch.arange(positions)[None], "logit_scale": torch.tensor(2.0)}
    return {**deeper, **more, "text_model.final_layer_norm.weight": torch.ones(3), "text_projection.weight": torch.ones(2, 3)}


def write_folder(folder, name, spec, generator):
    vision = spec["vision"]
    config = CLIPConfig(projection_dim=spec["projection_dim"], vision_config=vision)
    checker = KIND(config)
    tensors = {key: values(key, tensor, generator).to(spec["dtype"]) for key, tensor in checker.state_dict().items()}
    (folder / "safety_checker").mkdir(parents=True)
    old = name == "published"
    save_file(published(tensors) if old else tensors, folder / "safety_checker/model.safetensors", metadata={"format": "pt"})
    visions = {"vision_config": {"hidden_size": 99}, "vision_config_dict": vision} if old else {"vision_config": vision}
    text = {"architectures": [KIND.__name__], "model_type": "clip", "projection_dim": spec["projection_dim"], "text_config": {}}
    write_json(folder / "safety_checker/config.json", {**text, **visions})
    write_json(folder / "feature_extractor/preprocessor_config.json", {"do_resize": True, "resample": 3, **spec["processor"]})


def forward_with(adjustment):
    """diffusers' forward(), which keeps its scores and its adjustment to itself: returns the one and takes the other."""
    source = textwrap.dedent(inspect.getsource(KIND.forward))
    for old, new in (
        ("adjustment = 0.01", f"adjustment = {adjustment} + 0.01"),
        ("adjustment = 0.0\n", f"adjustment = {adjustment}\n"),
        ("return images, has_nsfw_concepts", "return result, has_nsfw_concepts"),
    ):
        assert source.count(old) == 1
        source = source.replace(old, new)
    scope = dict(vars(safety_checker))
    exec(source, scope)
    return scope["forward"]


def picture(width, height, generator):
    """Coarse colours with noise, so that there is something to resize."""
    coarse = generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST), dtype=int)
    return Image.fromarray(np.clip(smooth + generator.integers(-30, 31, smooth.shape), 0, 255).astype(np.uint8))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    random = np.random.default_rng(5)
    pictures = [picture(width, height, random) for width, height in SIZES]
    for number, image in enumerate(pictures):
        image.save(OUT / f"{number}.png")
    generator = torch.Generator().manual_seed(5)
    rows, tensors = [], {}
    for name, spec in SPECS.items():
        folder = OUT / name
        write_folder(folder, name, spec, generator)
        checker = KIND.from_pretrained(folder / "safety_checker", torch_dtype=torch.float32)
        read = load_file(folder / "safety_checker/model.safetensors")
        assert torch.equal(checker.visual_projection.weight, read["visual_projection.weight"].float())
        processor = CLIPImageProcessor.from_pretrained(folder / "feature_extractor")
        for number, image in [*enumerate(pictures), ("sd1-1", Image.open(DRAWN))]:
            pixels = processor(image, return_tensors="pt").pixel_values
            tensors[f"{name}/{number}/pixel_values"] = pixels
            tensors[f"{name}/{number}/image_embeds"] = checker.visual_projection(checker.vision_model(pixels)[1]).detach()
            for adjustment in (0.0, 0.07, -0.3, 1.0, -1.0):
                (scores,), (flagged,) = forward_with(adjustment)(checker, pixels, [np.zeros(1)])
                row = {"folder": name, "picture": str(number), "adjustment": adjustment, "flagged": bool(flagged)}
                row |= {key: [float(score) for score in scores[f"{key}_scores"].values()] for key in ("special", "concept")}
                rows.append(row)
    plain = [row for row in rows if row["adjustment"] == 0]
    assert len({row["flagged"] for row in plain}) == 2, "all pictures have one verdict"
    assert any(max(row["special"]) > 0 for row in plain), "no picture needs special care"
    write_json(OUT / "cases.json", rows)
    save_file(tensors, OUT / "values.safetensors")


if __name__ == "__main__":
    main()
