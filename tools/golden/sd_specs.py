"""Shapes of Stable Diffusions: what sd_folders.write_folder() takes. Schedulers are those of the published models, foreign keys included."""

import random

PNDM = {  # stable-diffusion-v1-5
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
DDIM_V = {  # stable-diffusion-2-1
    **PNDM,
    "_class_name": "DDIMScheduler",
    "prediction_type": "v_prediction",
}
EULER_TRAILING = {  # sd-turbo
    **PNDM,
    "_class_name": "EulerDiscreteScheduler",
    "interpolation_type": "linear",
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "timestep_spacing": "trailing",
    "use_karras_sigmas": False,
}
EULER_LEADING = {**EULER_TRAILING, "timestep_spacing": "leading"}  # stable-diffusion-xl-base-1.0
EULER_A_TRAILING = {**EULER_TRAILING, "_class_name": "EulerAncestralDiscreteScheduler"}  # sdxl-turbo
OTHERS = [  # classes of less known models
    {**PNDM, "_class_name": name, **more}
    for name, more in [
        ("DEISMultistepScheduler", {"solver_order": 2}),
        ("DPMSolverSinglestepScheduler", {"solver_order": 3, "lower_order_final": True}),
        ("KDPM2DiscreteScheduler", {}),
        ("KDPM2AncestralDiscreteScheduler", {"use_karras_sigmas": True}),
        ("LMSDiscreteScheduler", {"timestep_spacing": "leading"}),
        ("TCDScheduler", {"original_inference_steps": 50}),
        ("DDPMScheduler", {"variance_type": "fixed_small"}),
        ("UniPCMultistepScheduler", {"use_beta_sigmas": True}),
    ]
]
LCM = {  # LCM_Dreamshaper_v7
    **PNDM,
    "_class_name": "LCMScheduler",
    "clip_sample_range": 1.0,
    "dynamic_thresholding_ratio": 0.995,
    "original_inference_steps": 50,
    "prediction_type": "epsilon",
    "rescale_betas_zero_snr": False,
    "sample_max_value": 1.0,
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "thresholding": False,
    "timestep_spacing": "leading",
}


def text(hidden, heads, layers, intermediate, act, **more):
    return {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": 77,
        "hidden_act": act,
        "projection_dim": hidden,
        **more,
    }


def unet(channels, attention, cross, **more):
    """`attention`: for each level, whether it has any."""
    return {
        "sample_size": 16,
        "block_out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)],
        "cross_attention_dim": cross,
        **more,
    }


def vae(channels, **more):
    levels = len(channels)
    return {
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": 128,
        **more,
    }


def fixture_specs():
    """sd1 and sd2: each family's peculiarities at three levels and four; lcm, turbo, sdxl: likewise."""
    return {
        "sd1": {
            "pipeline": "StableDiffusionPipeline",
            "old_names": True,
            "texts": [text(12, 2, 2, 30, "quick_gelu")],
            "tokenizers": [(60, None)],
            "unet": unet([16, 16], [True, False], 12, layers_per_block=1, attention_head_dim=2, norm_num_groups=4),
            "vae": vae([4, 8, 8, 8], layers_per_block=1, norm_num_groups=4),
            "scheduler": PNDM,
        },
        "sd2": {
            "pipeline": "StableDiffusionPipeline",
            "texts": [text(16, 2, 2, 40, "gelu")],
            "tokenizers": [(20, "!")],
            "unet": unet(
                [8, 16, 16],
                [True, True, False],
                16,
                layers_per_block=[1, 2, 1],
                attention_head_dim=[2, 4, 4],
                norm_num_groups=4,
                use_linear_projection=True,
                upcast_attention=True,
            ),
            "vae": vae([4, 8, 8, 8], layers_per_block=2, norm_num_groups=2),
            "scheduler": DDIM_V,
        },
        "lcm": {
            "pipeline": "LatentConsistencyModelPipeline",
            "dtype": "bf16",
            "old_names": True,
            "texts": [text(8, 1, 1, 20, "quick_gelu")],
            "tokenizers": [(30, None)],
            "unet": unet([8, 16], [False, True], 8, layers_per_block=1, attention_head_dim=4, norm_num_groups=4, time_cond_proj_dim=32),
            "vae": vae([4, 8, 8, 8], layers_per_block=1, norm_num_groups=4),
            "scheduler": LCM,
        },
        "turbo": {
            "pipeline": "StableDiffusionPipeline",
            "dtype": "f16",
            "variant": "fp16",
            "texts": [text(16, 4, 2, 40, "gelu")],
            "tokenizers": [(20, "!")],
            "unet": unet(
                [8, 16], [True, False], 16, layers_per_block=2, attention_head_dim=[1, 2], norm_num_groups=8, use_linear_projection=True
            ),
            "tiny_vae": True,
            "vae": {
                "encoder_block_out_channels": [8, 8, 8, 8],
                "decoder_block_out_channels": [8, 8, 8, 8],
                "num_encoder_blocks": [1, 1, 2, 1],
                "num_decoder_blocks": [2, 1, 1, 1],
            },
            "scheduler": EULER_TRAILING,
        },
        "sdxl": {
            "pipeline": "StableDiffusionXLPipeline",
            "texts": [text(8, 2, 3, 20, "quick_gelu"), text(12, 2, 3, 30, "gelu", projection_dim=10)],
            "tokenizers": [(30, None), (30, "!")],
            "unet": unet(
                [8, 16],
                [False, True],
                20,
                layers_per_block=1,
                attention_head_dim=[2, 4],
                transformer_layers_per_block=[1, 2],
                norm_num_groups=4,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=6,
                projection_class_embeddings_input_dim=46,
            ),
            "vae": vae([4, 8, 8, 8], layers_per_block=1, norm_num_groups=4, scaling_factor=0.13025),
            "scheduler": EULER_LEADING,
        },
    }


def distilled(draw, levels, layers, attention):
    """No or half a middle block, and transformers of any depth."""
    layers = [layers] * levels if isinstance(layers, int) else layers
    depths = [[draw.randint(1, 3) for _ in range(count)] if a else 0 for count, a in zip(layers, attention)]
    up = [[draw.randint(1, 3) for _ in range(count + 1)] if a else 0 for count, a in zip(reversed(layers), reversed(attention))]
    more = {"transformer_layers_per_block": depths, "reverse_transformer_layers_per_block": up}
    return {"mid_block_type": draw.choice([None, "UNetMidBlock2D"]), **draw.choice([{}, more])}


def random_spec(family, seed):
    """Shapes drawn by `seed` for sd1, sd2, turbo, lcm or sdxl."""
    draw = random.Random(f"{family} {seed}")
    groups = draw.choice([2, 4, 8])
    levels = draw.choice([2, 3, 4])

    def some_text(act):
        heads = draw.choice([1, 2, 3, 4])
        return text(4 * heads * draw.randint(1, 3), heads, draw.randint(2, 4), draw.randint(10, 60), act, projection_dim=draw.randint(6, 20))

    linear = family != "sd1"
    double = family == "sdxl"
    acts = ["quick_gelu", "gelu"] if double else ["quick_gelu" if family in ("sd1", "lcm") else "gelu"]
    texts = [some_text(act) for act in acts]
    attention = [draw.random() < 0.7 for _ in range(levels)]
    channels = [groups * draw.choice([2, 3, 4]) for _ in range(levels)]
    heads = [draw.choice([h for h in (1, 2, 3, 4) if c % h == 0]) for c in channels]
    common = min(heads) if all(c % min(heads) == 0 for c in channels) else 1
    more = {
        "layers_per_block": draw.choice([1, 2, [draw.randint(1, 2) for _ in range(levels)]]),
        "attention_head_dim": heads if draw.random() < 0.6 else common,
        "norm_num_groups": groups,
        "use_linear_projection": linear and draw.random() < 0.8,
        "upcast_attention": draw.random() < 0.3,
    }
    if draw.random() < 0.3:
        more |= {"flip_sin_to_cos": draw.random() < 0.5, "freq_shift": draw.choice([0, 1]), "norm_eps": 1e-6}
    if family == "lcm":
        more["time_cond_proj_dim"] = draw.choice([16, 32, 256])
    if double:
        ids = 2 * draw.randint(2, 6)
        more |= {
            "transformer_layers_per_block": draw.choice([1, [draw.randint(1, 3) for _ in range(levels)]]),
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": ids,
            "projection_class_embeddings_input_dim": 6 * ids + texts[1]["projection_dim"],
        }
    if family != "lcm" and draw.random() < 0.4:
        more |= distilled(draw, levels, more["layers_per_block"], attention)
    tiny = family == "turbo" or draw.random() < 0.2
    width = draw.choice([4, 8])
    autoencoder = (
        {
            "encoder_block_out_channels": [width] * 4,
            "decoder_block_out_channels": [width] * 4,
            "num_encoder_blocks": [draw.randint(1, 3) for _ in range(4)],
            "num_decoder_blocks": [draw.randint(1, 3) for _ in range(4)],
        }
        if tiny
        else vae(
            [4 * draw.randint(1, 3) for _ in range(draw.choice([3, 4, 4]))],
            layers_per_block=draw.randint(1, 2),
            norm_num_groups=draw.choice([1, 2, 4]),
            scaling_factor=draw.choice([0.18215, 0.13025]),
            mid_block_add_attention=draw.random() < 0.8,
        )
    )
    return {
        "pipeline": "StableDiffusionXLPipeline"
        if double
        else "LatentConsistencyModelPipeline"
        if family == "lcm" and draw.random() < 0.7
        else "StableDiffusionPipeline",
        "dtype": draw.choice(["f32", "f16", "bf16"]),
        "old_names": draw.random() < 0.5,
        "force_zeros": draw.random() < 0.7,
        "texts": texts,
        "tokenizers": [(draw.randint(0, 2000), pad) for pad in ([None, "!"] if double else ["!" if family in ("sd2", "turbo") else None])],
        "unet": unet(channels, attention, sum(t["hidden_size"] for t in texts), **more),
        "tiny_vae": tiny,
        "vae": autoencoder,
        "scheduler": draw.choice(OTHERS) if family in ("sd1", "sdxl") and draw.random() < 0.5 else {
            "sd1": PNDM,
            "sd2": draw.choice([DDIM_V, {**PNDM, "prediction_type": "v_prediction"}, PNDM]),
            "turbo": EULER_TRAILING,
            "lcm": LCM,
            "sdxl": draw.choice([EULER_LEADING, EULER_A_TRAILING]),
        }[family],
    }


def full_spec(family, dtype):
    """The published sizes."""
    vocabulary = {"vocab_size": 49408}
    clip_l = text(768, 12, 12, 3072, "quick_gelu", **vocabulary)
    clip_h = text(1024, 16, 23, 4096, "gelu", **vocabulary)
    clip_g = text(1280, 20, 32, 5120, "gelu", **vocabulary)
    four, three = [320, 640, 1280, 1280], [True, True, True, False]
    second = unet(four, three, 1024, sample_size=64, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True)
    xl = unet(
        [320, 640, 1280],
        [False, True, True],
        2048,
        sample_size=128,
        attention_head_dim=[5, 10, 20],
        transformer_layers_per_block=[1, 2, 10],
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    first = unet(four, three, 768, sample_size=64, attention_head_dim=8)
    parts = {
        "sd1": ([clip_l], [(None, None)], first, PNDM),
        "sd2": ([clip_h], [(None, "!")], {**second, "sample_size": 96, "upcast_attention": True}, DDIM_V),
        "turbo": ([clip_h], [(None, "!")], second, EULER_TRAILING),
        "lcm": ([clip_l], [(None, None)], {**first, "time_cond_proj_dim": 256}, LCM),
        "sdxl": ([clip_l, clip_g], [(None, None), (None, "!")], xl, EULER_LEADING),
    }
    texts, tokenizers, network, scheduler = parts[family]
    autoencoder = vae(
        [128, 256, 512, 512],
        layers_per_block=2,
        sample_size=1024 if family == "sdxl" else 512,
        scaling_factor=0.13025 if family == "sdxl" else 0.18215,
    )
    if family == "turbo":  # with TAESD in its vae's place
        sides = {"encoder_block_out_channels": [64] * 4, "decoder_block_out_channels": [64] * 4}
        autoencoder = {**sides, "num_encoder_blocks": [1, 3, 3, 3], "num_decoder_blocks": [3, 3, 3, 1]}
    classes = {"sdxl": "StableDiffusionXLPipeline", "lcm": "LatentConsistencyModelPipeline"}
    return {
        "pipeline": classes.get(family, "StableDiffusionPipeline"),
        "dtype": dtype,
        "std": 0.02,
        "texts": texts,
        "tokenizers": tokenizers,
        "unet": network,
        "tiny_vae": family == "turbo",
        "vae": autoencoder,
        "scheduler": scheduler,
    }
