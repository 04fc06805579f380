"""Complete loops of diffusers' schedulers: those of models and those selected by --sampler.

  samplers.py                                     writes tests/golden/sampling/samplers.json
  samplers.py --random 5000 --seed 7 -o FILE      writes loops of random configurations, which the test compares with P2P_SAMPLERS_GOLDEN=FILE
"""

import argparse
import inspect
import json
import random
import warnings
from pathlib import Path

import diffusers
import torch

OUT = Path(__file__).resolve().parents[2] / "tests/golden/sampling/samplers.json"
SHAPE = [1, 4, 5, 3]
SDE = {"algorithm_type": "sde-dpmsolver++"}
METHODS = {
    "pndm": ("PNDMScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {}),
    "dpmpp_2s_sde": ("DPMSolverSinglestepScheduler", SDE),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", SDE),
    "dpmpp_2m_sde_heun": ("DPMSolverMultistepScheduler", SDE | {"solver_type": "heun"}),
    "dpmpp_3m_sde": ("DPMSolverMultistepScheduler", SDE | {"solver_order": 3}),
    "deis": ("DEISMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
SCHEDULES = {
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True, "timestep_spacing": "linspace"},
    "beta": {"use_beta_sigmas": True, "timestep_spacing": "linspace"},
    "sgm_uniform": {"timestep_spacing": "trailing"},
    "normal": {"timestep_spacing": "linspace"},
    "ddim_uniform": {"timestep_spacing": "leading"},
}
NO_LEVELS = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}


def takes(method, schedule):
    """Whether the class of the method knows what the schedule sets."""
    known = inspect.signature(getattr(diffusers, METHODS[method][0])).parameters
    return method not in ("lcm", "tcd") and all(key in known or (key, value) == ("timestep_spacing", "linspace") for key, value in SCHEDULES[schedule].items())


def with_schedule(method, schedule):
    name, extra = METHODS[method]
    return name, NO_LEVELS | extra | SCHEDULES[schedule]


# Each method with the noise levels of the model's configuration, then with all that it can have.
SAMPLERS = dict(METHODS)
SAMPLERS |= {f"{method}_{schedule}": with_schedule(method, schedule) for schedule in SCHEDULES for method in METHODS if takes(method, schedule)}

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "trained_betas": None}
SDXL = SD | {"clip_sample": False, "interpolation_type": "linear", "prediction_type": "epsilon", "sample_max_value": 1.0}
SDXL |= {"set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "use_karras_sigmas": False}
DPM, UNIPC, EULER = "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "EulerDiscreteScheduler"
SINGLE, DEIS, LMS, DDPM = "DPMSolverSinglestepScheduler", "DEISMultistepScheduler", "LMSDiscreteScheduler", "DDPMScheduler"
KDPM2, KDPM2A = "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"
PUBLISHED = {
    "sd-1.5": ("PNDMScheduler", SD | {"set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "clip_sample": False}),
    "sd-2.1": (
        "DDIMScheduler",
        SD
        | {"clip_sample": False, "prediction_type": "v_prediction", "set_alpha_to_one": False}
        | {"skip_prk_steps": True, "steps_offset": 1},
    ),
    "sd-turbo": (EULER, SDXL | {"timestep_spacing": "trailing", "sigma_max": None, "sigma_min": None, "timestep_type": "discrete"}),
    "lcm-dreamshaper": (
        "LCMScheduler",
        SD
        | {"clip_sample": False, "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "original_inference_steps": 50}
        | {"prediction_type": "epsilon", "rescale_betas_zero_snr": False, "sample_max_value": 1.0, "set_alpha_to_one": True}
        | {"steps_offset": 1, "thresholding": False, "timestep_scaling": 10.0, "timestep_spacing": "leading"},
    ),
    "sdxl": (EULER, SDXL | {"timestep_spacing": "leading"}),
    "sdxl-turbo": ("EulerAncestralDiscreteScheduler", SDXL | {"timestep_spacing": "trailing"}),
}
# One key or two beside what is usual.
SPECIAL = [
    ("PNDMScheduler", {}),
    ("PNDMScheduler", SD | {"prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    ("PNDMScheduler", SD | {"skip_prk_steps": True, "timestep_spacing": "linspace", "set_alpha_to_one": True}),
    ("DDIMScheduler", {}),
    ("DDIMScheduler", SD | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    ("DDIMScheduler", {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample", "clip_sample_range": 0.7}),
    ("DDIMScheduler", {"trained_betas": [0.01 + 0.001 * i for i in range(60)], "num_train_timesteps": 60}),
    (EULER, {"use_karras_sigmas": True}),
    (EULER, SD | {"use_exponential_sigmas": True, "final_sigmas_type": "sigma_min"}),
    (EULER, SD | {"interpolation_type": "log_linear"}),
    (EULER, SD | {"interpolation_type": "log_linear", "use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0}),
    (EULER, SD | {"timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True}),
    (EULER, SD | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    (EULER, {"prediction_type": "sample", "num_train_timesteps": 49, "timestep_spacing": "trailing"}),
    ("EulerAncestralDiscreteScheduler", {"prediction_type": "v_prediction", "steps_offset": 3, "timestep_spacing": "leading"}),
    ("HeunDiscreteScheduler", {"use_karras_sigmas": True, "clip_sample": True, "sigma_min": 0.1}),
    ("HeunDiscreteScheduler", {"beta_schedule": "exp", "timestep_spacing": "trailing"}),
    ("HeunDiscreteScheduler", SD | {"use_exponential_sigmas": True, "prediction_type": "v_prediction"}),
    (DPM, SD | {"solver_order": 3, "lower_order_final": False, "euler_at_final": True, "final_sigmas_type": "sigma_min"}),
    (DPM, SD | {"solver_type": "heun", "use_exponential_sigmas": True, "timestep_spacing": "trailing"}),
    (DPM, SD | {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1, "variance_type": "fixed_small", "solver_order": 3}),
    (DPM, SD | {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3, "prediction_type": "v_prediction"}),
    (DPM, SD | {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min", "solver_type": "heun"}),
    (DPM, SD | {"algorithm_type": "sde-dpmsolver++", "solver_order": 3, "use_karras_sigmas": True, "solver_type": "bh1"}),
    (DPM, SD | {"algorithm_type": "deis", "final_sigmas_type": "sigma_min", "solver_type": "logrho", "prediction_type": "sample"}),
    (UNIPC, SD | {"solver_order": 3, "disable_corrector": [0, 2], "lower_order_final": False, "final_sigmas_type": "sigma_min"}),
    (UNIPC, SD | {"solver_type": "bh1", "solver_order": 4, "final_sigmas_type": "sigma_min", "use_karras_sigmas": True}),
    (UNIPC, SD | {"predict_x0": False, "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction"}),
    (UNIPC, SD | {"use_exponential_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0, "timestep_spacing": "leading"}),
    ("LCMScheduler", {"prediction_type": "v_prediction", "original_inference_steps": 100, "timestep_scaling": 3.0}),
    (SINGLE, SD | {"solver_order": 3, "lower_order_final": True}),
    (SINGLE, SD | {"solver_order": 3, "solver_type": "heun", "final_sigmas_type": "sigma_min", "algorithm_type": "dpmsolver"}),
    (SINGLE, SD | SDE | {"solver_order": 3, "solver_type": "heun", "prediction_type": "v_prediction", "use_karras_sigmas": True}),
    (SINGLE, SD | {"lambda_min_clipped": -3.0, "timestep_spacing": "trailing", "prediction_type": "sample"}),
    (SINGLE, SD | {"use_beta_sigmas": True, "sigma_max": 9.0}),
    (DEIS, {}),
    (DEIS, SD | {"solver_order": 3, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    (DEIS, SD | {"solver_order": 3, "use_karras_sigmas": True, "lower_order_final": False}),
    (DEIS, SD | {"solver_order": 1, "prediction_type": "sample", "timestep_spacing": "leading", "steps_offset": 1}),
    (KDPM2, {}),
    (KDPM2, SD | {"use_karras_sigmas": True, "timestep_spacing": "leading", "steps_offset": 1}),
    (KDPM2, SD | {"use_exponential_sigmas": True, "prediction_type": "v_prediction", "sigma_min": 0.1}),
    (KDPM2A, {}),
    (KDPM2A, SD | {"use_karras_sigmas": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    (KDPM2A, SD | {"use_beta_sigmas": True}),
    (LMS, {}),
    (LMS, SD | {"use_karras_sigmas": True, "sigma_min": 0.1, "timestep_spacing": "leading"}),
    (LMS, SD | {"use_exponential_sigmas": True, "sigma_min": 0.1, "prediction_type": "sample"}),
    (LMS, SD | {"prediction_type": "v_prediction", "timestep_spacing": "trailing"}),
    (DDPM, {}),
    (DDPM, SD | {"variance_type": "fixed_large", "clip_sample": False, "timestep_spacing": "trailing"}),
    (DDPM, SD | {"variance_type": "fixed_small_log", "prediction_type": "v_prediction", "steps_offset": 1, "clip_sample_range": 0.5}),
    (DDPM, {"beta_schedule": "sigmoid", "prediction_type": "sample", "timestep_spacing": "linspace"}),
    ("TCDScheduler", {}),
    ("TCDScheduler", SD | {"prediction_type": "v_prediction", "original_inference_steps": 100}),
    ("TCDScheduler", {"num_train_timesteps": 300, "original_inference_steps": 40, "prediction_type": "sample"}),
    (EULER, SD | {"use_beta_sigmas": True, "sigma_min": 0.05}),
    ("HeunDiscreteScheduler", SD | {"use_beta_sigmas": True}),
    (DPM, SD | {"use_beta_sigmas": True, "algorithm_type": "sde-dpmsolver++"}),
    (UNIPC, SD | {"use_beta_sigmas": True, "solver_order": 3}),
    ("LCMScheduler", {"num_train_timesteps": 300, "original_inference_steps": 40, "clip_sample": True, "prediction_type": "sample"}),
]


def amend(config):
    """What StableDiffusionPipeline does to its scheduler's configuration when it is made."""
    amended = dict(config)
    if config.get("steps_offset", 1) != 1:
        amended["steps_offset"] = 1
    if config.get("clip_sample", False) is True:
        amended["clip_sample"] = False
    return diffusers.configuration_utils.FrozenDict(amended)


def make(class_name, config, amended, sampler):
    scheduler = getattr(diffusers, class_name).from_config({"_class_name": class_name, **config})
    if amended:
        scheduler._internal_dict = amend(scheduler.config)
    if sampler:
        name, extra = SAMPLERS[sampler]
        scheduler = getattr(diffusers, name).from_config(scheduler.config, **extra)
    return scheduler


def loop(class_name, config, steps, sampler=None, skipped=0, amended=False):
    """A whole loop whose model answers 0.4 x + 0.3 sin(x + t / 100) to its input x; `skipped` steps are left out, as img2img does."""
    scheduler = make(class_name, config, amended, sampler)
    scheduler.set_timesteps(steps)
    start = skipped * scheduler.order
    if start and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    generator = torch.Generator("cpu").manual_seed(7)
    noise = torch.randn(SHAPE, generator=generator)
    if start:
        sample = scheduler.add_noise(torch.linspace(-1, 1, 60).reshape(SHAPE), noise, scheduler.timesteps[start : start + 1])
    else:
        sample = noise * scheduler.init_noise_sigma
    drawn = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for t in scheduler.timesteps[start:]:
        x = scheduler.scale_model_input(sample, t)
        output = 0.4 * x + 0.3 * torch.sin(x + t.float() / 100)
        sample = scheduler.step(output, t, sample, **drawn, return_dict=False)[0]
    flat = sample.flatten()
    finite = bool(flat.isfinite().all())
    ends = torch.cat([flat[:6], flat[-6:]]).tolist() if finite else []
    return {
        "class": class_name,
        "config": config,
        "amended": amended,
        "sampler": sampler,
        "steps": steps,
        "start": start,
        "timesteps": [float(f"{t:.9g}") for t in scheduler.timesteps.tolist()],
        "init_noise_sigma": float(scheduler.init_noise_sigma),
        "sample": [float(f"{value:.8g}") for value in ends],
        "sum": flat.double().sum().item() if finite else None,
    }


def small_set():
    loops = [loop(*own, steps) for own in PUBLISHED.values() for steps in (1, 2, 4, 7, 20, 30)]
    loops += [loop(*own, 5, skipped=2) for own in PUBLISHED.values()]
    for model, own in PUBLISHED.items():
        for sampler in METHODS:
            few = (4, 9) if model in ("sd-1.5", "sd-2.1", "sdxl") else (5,)
            loops += [loop(*own, steps, sampler) for steps in few if takes_prediction(sampler, own[1]) and can_start(sampler, own[1], steps)]
    loops += [loop(*PUBLISHED["sd-1.5"], steps, sampler) for sampler in METHODS for steps in (1, 16, 30)]
    loops += [loop(*PUBLISHED["sdxl"], 8, sampler, skipped=3) for sampler in METHODS]
    loops += [loop(*PUBLISHED["sdxl"], 6, sampler) for sampler in SAMPLERS if sampler not in METHODS]
    loops += [loop(*own, steps) for own in SPECIAL for steps in (5, 17)]
    loops += [loop(DPM, SD | {"solver_type": "bh1"}, 6, "unipc"), loop(UNIPC, SD | {"solver_type": "heun"}, 6, "dpmpp_2m")]
    outdated = ("DDIMScheduler", {"steps_offset": 0, "clip_sample": True}, 6)
    loops += [loop(*outdated, sampler, amended=True) for sampler in (None, "euler", "heun", "ddpm")]
    loops += [loop("DDIMScheduler", SD, 6, sampler, amended=True) for sampler in (None, "ddim", "dpmpp_2m")]
    return loops


def takes_prediction(sampler, config):
    return config.get("prediction_type") != "sample" or SAMPLERS[sampler][0] not in NO_SAMPLE


def can_start(sampler, config, steps):
    return sampler != "pndm" or steps > 3 or "skip_prk_steps" in config


# Classes that take no prediction_type sample.
NO_SAMPLE = ("PNDMScheduler", "EulerAncestralDiscreteScheduler", KDPM2, KDPM2A)


def random_config(rng):
    """Keys of any class: what a model's own class does not know it leaves to a named one."""
    some = rng.choice
    config = {"num_train_timesteps": some([1000, 1000, 1000, 100, 77, 640, 50])}
    config = some([SD, SD, {"beta_schedule": "linear"}]) | config
    choices = {
        "timestep_spacing": ["leading", "linspace", "trailing"],
        "prediction_type": ["epsilon", "v_prediction", "sample"],
        "steps_offset": [0, 1, 5],
        "set_alpha_to_one": [True, False],
        "skip_prk_steps": [True, True, False],
        "clip_sample": [False, True],
        "clip_sample_range": [1.0, 0.5],
        "rescale_betas_zero_snr": [False, True],
        "interpolation_type": ["linear", "log_linear"],
        "timestep_type": ["discrete", "continuous"],
        "use_karras_sigmas": [True, False],
        "use_exponential_sigmas": [True, False],
        "use_beta_sigmas": [True, False],
        "variance_type": ["fixed_small", "fixed_small_log", "fixed_large"],
        "sigma_min": [0.03, None],
        "sigma_max": [12.0, None],
        "final_sigmas_type": ["zero", "sigma_min"],
        "solver_order": [1, 2, 3],
        "solver_type": ["midpoint", "heun", "bh1", "bh2"],
        "algorithm_type": ["dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver", "deis"],
        "lower_order_final": [True, False],
        "euler_at_final": [True, False],
        "lambda_min_clipped": [-5.1, -3.0],
        "predict_x0": [True, False],
        "disable_corrector": [[], [0], [1, 3]],
        "original_inference_steps": [50, 40],
        "timestep_scaling": [10.0, 2.0],
    }
    for key in rng.sample(list(choices), rng.randint(0, 9)):
        config[key] = some(choices[key])
    return config


def is_left_out(class_name, config, steps, sampler, skipped):
    used = SAMPLERS[sampler][0] if sampler else class_name
    # Cut to the whole number below, the first timestep is the training's last or the one before it, as torch's inexact square root has it.
    spread = SAMPLERS[sampler][1] if sampler and sampler not in METHODS else config
    if used in (DPM, UNIPC, SINGLE, DEIS) and (spread.get("use_exponential_sigmas") or spread.get("use_beta_sigmas")):
        return True
    # Rescaling subtracts such square roots, and noise levels make much of what is left.
    if config.get("rescale_betas_zero_snr") and used not in ("DDIMScheduler", "LCMScheduler", "TCDScheduler"):
        return True
    # Runge-Kutta steps in the middle of a loop run away.
    if used == "PNDMScheduler" and skipped and not config.get("skip_prk_steps"):
        return True
    # What is refused for its own scheduler, though diffusers would not get to it in few steps or with another sampler.
    if config.get("prediction_type") == "sample" and class_name in NO_SAMPLE and not sampler:
        return True
    return config.get("algorithm_type") == "sde-dpmsolver" and config.get("solver_order") == 3


def random_set(count, seed):
    """Only what diffusers itself can do: many random configurations contradict themselves."""
    rng = random.Random(seed)
    loops, failures = [], 0
    while len(loops) < count:
        class_name = SAMPLERS[rng.choice(list(SAMPLERS))][0]
        steps = rng.randint(1, 30)
        case = (class_name, random_config(rng), steps, rng.choice([None, *SAMPLERS]), rng.choice([0, 0, rng.randrange(steps)]))
        if is_left_out(*case):
            continue
        try:
            result = loop(*case, amended=rng.random() < 0.3)
        except (ValueError, IndexError, RuntimeError, NotImplementedError, TypeError, UnboundLocalError, AssertionError):
            failures += 1
            continue
        # diffusers begins at the second of two equal timesteps, which is in the middle of a step.
        used = SAMPLERS[case[3]][0] if case[3] else class_name
        if used in (KDPM2, KDPM2A) and result["timesteps"].count(result["timesteps"][0]) > 1:
            continue
        # Timesteps past the training's are refused, though an img2img that leaves out the first ones would not come to them.
        if max(result["timesteps"]) < case[1]["num_train_timesteps"]:
            loops.append(result)
    print(f"{len(loops)} loops, {failures} that diffusers cannot do")
    return loops


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers.logging.set_verbosity_error()
    loops = random_set(options.random, options.seed) if options.random else small_set()
    options.output.write_text(json.dumps(loops, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
