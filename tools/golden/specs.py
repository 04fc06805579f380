"""Shapes of Würstchens: what write_folder() takes."""

import random


def small_text(hidden, heads, **more):
    return {
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden + 6,
        "num_hidden_layers": 2,
        "num_attention_heads": heads,
        "max_position_embeddings": 24,
        "hidden_act": "gelu",
        **more,
    }


def small_vqgan(levels, embed, factor):
    return {
        "in_channels": 3,
        "out_channels": 3,
        "up_down_scale_factor": 2,
        "levels": levels,
        "bottleneck_blocks": 2,
        "embed_dim": embed,
        "latent_channels": 4,
        "num_vq_embeddings": 8,
        "scale_factor": factor,
    }


def fixture_specs():
    """Shapes that the published model has not: odd c_r, other level counts, kernels, patches, schedules and layouts."""
    return {
        "a": {
            "prior_tokenizer": (60, 24),
            "decoder_tokenizer": (20, 20),
            "prior_text": small_text(12, 2),
            "decoder_text": small_text(8, 1, max_position_embeddings=20),
            "prior": {"c_in": 6, "c": 18, "c_cond": 12, "c_r": 9, "depth": 2, "nhead": 3, "dropout": 0.1},
            "decoder": {
                "c_in": 4,
                "c_out": 4,
                "c_r": 8,
                "patch_size": 2,
                "c_cond": 10,
                "c_hidden": [8, 12],
                "nhead": [-1, 2],
                "blocks": [1, 2],
                "level_config": ["CT", "CTA"],
                "inject_effnet": [False, True],
                "effnet_embd": 6,
                "clip_embd": 8,
                "kernel_size": 3,
                "dropout": 0.1,
            },
            "vqgan": small_vqgan(2, 12, 0.3764),
            "latent_mean": 1.7,
            "latent_std": 0.3,
            "resolution_multiple": 16.01,
            "latent_dim_scale": 4.01,
        },
        "b": {
            "prior_tokenizer": (0, 24),
            "decoder_tokenizer": (40, 24),
            "prior_text": small_text(8, 1, num_hidden_layers=1),
            "decoder_text": small_text(9, 3),
            "prior_scheduler": {"s": 0.01, "scaler": 1.5},
            "decoder_scheduler": {"s": 0.008, "scaler": 0.8},
            "prior": {"c_in": 16, "c": 16, "c_cond": 8, "c_r": 11, "depth": 2, "nhead": 4, "dropout": 0.1},
            "decoder": {
                "c_in": 4,
                "c_out": 4,
                "c_r": 7,
                "patch_size": 1,
                "c_cond": 9,
                "c_hidden": [6, 8, 9],
                "nhead": [2, -1, 3],
                "blocks": [1, 1, 2],
                "level_config": ["CTA", "C", "CTCA"],
                "inject_effnet": [True, False, True],
                "effnet_embd": 16,
                "clip_embd": 9,
                "kernel_size": 5,
                "dropout": [0.1, 0.1, 0.1],
            },
            "vqgan": small_vqgan(3, 12, 0.1642),
            "latent_mean": 42.0,
            "latent_std": 1.0,
            "resolution_multiple": 32.01,
            "latent_dim_scale": 4.01,
        },
        "c": {
            "combined": True,
            "old_names": True,
            "prior_tokenizer": (30, 24),
            "decoder_tokenizer": (30, 24),
            "prior_text": small_text(12, 2, hidden_act="quick_gelu"),
            "decoder_text": small_text(8, 2, hidden_act="quick_gelu"),
            "prior": {"c_in": 4, "c": 18, "c_cond": 12, "c_r": 7, "depth": 1, "nhead": 2, "dropout": 0.1},
            "decoder": {
                "c_in": 4,
                "c_out": 4,
                "c_r": 7,
                "patch_size": 2,
                "c_cond": 8,
                "c_hidden": [8, 12],
                "nhead": [1, 3],
                "blocks": [2, 1],
                "level_config": ["CA", "CTA"],
                "inject_effnet": [True, True],
                "effnet_embd": 4,
                "clip_embd": 8,
                "kernel_size": 3,
                "dropout": 0.1,
            },
            "vqgan": small_vqgan(2, 12, 0.3764),
            "latent_mean": 42.0,
        },
    }


def random_spec(seed, scale, large=False):
    """Shapes drawn by `seed`; widths grow with `scale`. `large`: latents of the published sizes, and no attention at the decoder's top level,
    so that pictures of 512 px and more stay affordable."""
    draw = random.Random(seed)
    unit = {"tiny": 4, "small": 16}[scale]

    def width(heads):
        return heads * unit * draw.randint(1, 3)

    def text(heads):
        return {
            "hidden_size": 2 * width(heads),
            "intermediate_size": unit * draw.randint(5, 9),
            "num_hidden_layers": draw.randint(1, 3),
            "num_attention_heads": heads,
            "max_position_embeddings": 77,
            "hidden_act": draw.choice(["gelu", "quick_gelu"]),
        }

    prior_text, decoder_text = text(draw.choice([1, 2, 3])), text(draw.choice([1, 2, 4]))
    levels, patch, channels = draw.choice([1, 2, 3]), draw.choice([1, 2]), draw.choice([4, 6, 16])
    heads = [draw.choice([1, 2, 3]) for _ in range(levels)]
    config = [draw.choice(["C", "CT", "CA", "CTA", "CTCA"]) for _ in range(levels)]
    if large:
        patch, config[0] = 2, "CT"
    decoder = {
        "c_in": 4,
        "c_out": 4,
        "c_r": draw.randint(4, 33),
        "patch_size": patch,
        "c_cond": 2 * unit + draw.randint(0, 3),
        "c_hidden": [width(h) for h in heads],
        "nhead": [h if "A" in c else -1 for h, c in zip(heads, config)],
        "blocks": [draw.randint(1, 3) for _ in range(levels)],
        "level_config": config,
        "inject_effnet": [draw.random() < 0.6 for _ in range(levels)],
        "effnet_embd": channels,
        "clip_embd": decoder_text["hidden_size"],
        "kernel_size": draw.choice([3, 3, 5]),
        "dropout": 0.1,
    }
    nhead = draw.choice([1, 2, 3])
    prior = {
        "c_in": channels,
        "c": width(nhead) * 2,
        "c_cond": prior_text["hidden_size"],
        "c_r": draw.randint(4, 33),
        "depth": draw.randint(1, 3),
        "nhead": nhead,
        "dropout": 0.1,
    }
    vqgan = {
        "levels": 2 if large else draw.choice([1, 2, 2, 3]),
        "bottleneck_blocks": draw.randint(1, 3),
        "embed_dim": 4 * unit,
        "latent_channels": 4,
        "num_vq_embeddings": 8,
        "scale_factor": round(draw.uniform(0.2, 1), 4),
        "in_channels": 3,
        "out_channels": 3,
        "up_down_scale_factor": 2,
    }
    grid = patch * 2 ** (levels - 1) * draw.choice([1, 2]) if levels > 1 else draw.choice([2, 4, 6])
    combined = draw.random() < 0.2 and patch * 2 ** (levels - 1) <= 8 and vqgan["levels"] == 2
    mean, std = (42.0, 1.0) if combined else (draw.choice([1.0, 42.0]), draw.choice([0.0, 1.0]))
    return {
        "combined": combined,
        "old_names": draw.random() < 0.5,
        "prior_tokenizer": (draw.randint(0, 2000), 77),
        "decoder_tokenizer": (draw.randint(0, 2000), 77),
        "prior_text": prior_text,
        "decoder_text": decoder_text,
        "prior": prior,
        "decoder": decoder,
        "vqgan": vqgan,
        "latent_mean": mean,
        "latent_std": std,
        "resolution_multiple": 42.67 if combined or large else grid * 2 ** vqgan["levels"] + 0.01,
        "latent_dim_scale": 10.67 if combined or large else grid + 0.01,
    }


def full_spec(dtype):
    """The published sizes."""

    def text(hidden, layers, heads):
        return {
            "vocab_size": 49408,
            "hidden_size": hidden,
            "intermediate_size": 4 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "max_position_embeddings": 77,
            "hidden_act": "gelu",
        }

    return {
        "dtype": dtype,
        "std": 0.02,
        "prior_tokenizer": (None, 77),
        "decoder_tokenizer": (None, 77),
        "prior_text": text(1280, 32, 20),
        "decoder_text": text(1024, 24, 16),
        "prior": {"c_in": 16, "c": 1536, "c_cond": 1280, "c_r": 64, "depth": 32, "nhead": 24, "dropout": 0.1},
        "decoder": {
            "c_in": 4,
            "c_out": 4,
            "c_r": 64,
            "patch_size": 2,
            "c_cond": 1024,
            "c_hidden": [320, 640, 1280, 1280],
            "nhead": [-1, 10, 20, 20],
            "blocks": [4, 4, 14, 4],
            "level_config": ["CT", "CTA", "CTA", "CTA"],
            "inject_effnet": [False, True, True, True],
            "effnet_embd": 16,
            "clip_embd": 1024,
            "kernel_size": 3,
            "dropout": 0.1,
        },
        "vqgan": {
            "in_channels": 3,
            "out_channels": 3,
            "up_down_scale_factor": 2,
            "levels": 2,
            "bottleneck_blocks": 12,
            "embed_dim": 384,
            "latent_channels": 4,
            "num_vq_embeddings": 8192,
            "scale_factor": 0.3764,
        },
        "latent_mean": 42.0,
        "latent_std": 1.0,
        "resolution_multiple": 42.67,
        "latent_dim_scale": 10.67,
    }
