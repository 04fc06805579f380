"""The training loop of every stage: optimiser, moving average of the weights, and a state on disk that survives interruptions."""

import copy
import math
import os
import time

import torch

from .files import whole

SAVE_SECONDS, SHOW_SECONDS = 120, 900
DECAY = 0.999


def rate_at(progress, step):
    """The factor of the learning rate: a warm-up of 200 steps, constant for half of the stage, then a cosine."""
    late = min(1.0, max(0.0, 2 * progress - 1))
    return min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * late)))


def save(path, content):
    with whole(path) as made, open(made, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())


@torch.no_grad()
def follow(average, modules, step):
    decay = min(DECAY, (1 + step) / (10 + step))
    pairs = list(zip(average.state_dict().values(), modules.state_dict().values(), strict=True))
    floats = [(mean, value) for mean, value in pairs if mean.dtype.is_floating_point]
    torch._foreach_lerp_([mean for mean, _ in floats], [value for _, value in floats], 1 - decay)
    for mean, value in pairs:
        if not mean.dtype.is_floating_point:
            mean.copy_(value)


def nothing_done():
    return {"steps": 0, "seconds": 0.0, "loss": 0.0}


def randomness(device):
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def begin(path, modules):
    """Saves a state with the current weights of the modules and no training time."""
    weights = modules.state_dict()
    save(path, {"modules": weights, "average": weights, "optimiser": None, "random": torch.get_rng_state(), "cuda": None, "done": nothing_done()})


def train(path, modules, loss, *, seconds, rate, steps=None, shown=None, device=torch.device("cpu")):
    """Trains `modules` (a ModuleDict on `device`) by `loss()` for `seconds` in all, those before an interruption among them, or for `steps`. The
    seconds are the processor's of this thread; with a GPU, the clock's.

    `path`: the state's file. `shown(average)`: called every quarter of an hour and at the end. Returns the moving average, and what was done."""
    average = copy.deepcopy(modules).requires_grad_(False)
    parameters = [parameter for parameter in modules.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    clock = time.perf_counter if device.type == "cuda" else time.thread_time
    done = nothing_done()
    if path.exists():
        state = torch.load(path, weights_only=True, map_location="cpu")
        modules.load_state_dict(state["modules"])
        average.load_state_dict(state["average"])
        if state["optimiser"]:
            optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        if state["cuda"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], device)
        done = state["done"]

    def keep(show):
        save(
            path,
            {
                "modules": modules.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "random": torch.get_rng_state(),
                "cuda": randomness(device),
                "done": done,
            },
        )
        print(f"{path.stem}: {done['seconds']:.0f} s, {done['steps']} steps, loss {done['loss']:.4f}", flush=True)
        if show and shown:
            shown(average.eval())

    def left():
        return done["steps"] < steps if steps else done["seconds"] < seconds

    kept = showed = done["seconds"]
    modules.train()
    worked = left()  # otherwise an earlier run has completed it
    while left():
        start = clock()
        for group in optimiser.param_groups:
            group["lr"] = rate * rate_at(done["steps"] / steps if steps else done["seconds"] / seconds, done["steps"])
        optimiser.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        follow(average, modules, done["steps"])
        share = max(0.01, 1 / (done["steps"] + 1))
        done["loss"] += share * (value.item() - done["loss"])
        done["steps"] += 1
        done["seconds"] += clock() - start
        if done["seconds"] - kept > SAVE_SECONDS:
            show = done["seconds"] - showed > SHOW_SECONDS
            keep(show)
            kept = done["seconds"]
            showed = kept if show else showed
    if worked:
        keep(show=True)
    return average.eval(), done
