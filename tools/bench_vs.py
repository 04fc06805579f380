"""Speed and memory at the published sizes, in bf16 on this machine: exits with 1 when a limit is exceeded.

bench_vs.py --work build/bench_vs                  everything; needs 30 GB of disk, 24 GiB of memory and half an hour
bench_vs.py --only memory --folder DIR             one part, over an existing folder

A step of Würstchen's prior with guidance and one of its decoder, ours against diffusers' and against what openvino.convert_model makes of
diffusers' module; a pass of the UNet of Stable Diffusion 1.5 with guidance, against diffusers, OpenVINO GenAI and, where it is installed,
stable-diffusion.cpp; one step of SD-Turbo with TAESD, prompt to PNG, against a pass of its UNet. The programs alternate, a few steps each; the
result is the median of their medians. The competitors are loaded and warmed up first; ours is restarted each time and its
first step is not counted. Only one network of each competitor is loaded at a time.

The folder has random weights, which take as long as trained ones. diffusers runs with tcmalloc if it is installed (libtcmalloc-minimal4).
"""

import argparse
import contextlib
import ctypes.util
import importlib.util
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
STEPS = [sys.executable, TOOLS / "golden/steps.py"]
LIMITS = {  # of the other's seconds
    "prior": {"diffusers": 0.83, "conversion": 1.03},
    "decoder": {"conversion": 0.88},
    "unet": {"diffusers": 0.75, "genai": 1.03, "sd_cpp": 0.5},
}
AIMS = {"decoder": {"conversion": 0.83}}
WUERSTCHEN = ("full", ["wuerstchen.py", "random", "--scale=full"], 1024)
STABLE_DIFFUSION = ("sd15", ["stable_diffusion.py", "random", "--family=sd1", "--scale=full", "--dtype=bf16"], 512)
TURBO = ("turbo", ["stable_diffusion.py", "random", "--family=turbo", "--scale=full", "--dtype=bf16"], 512)
MODELS = {  # name, recipe, pixels a side
    "prior": WUERSTCHEN,
    "decoder": WUERSTCHEN,
    "unet": STABLE_DIFFUSION,
    "turbo": TURBO,
    "memory": WUERSTCHEN,
    "memory_sdxl": ("sdxl", ["stable_diffusion.py", "random", "--family=sdxl", "--scale=full", "--dtype=bf16"], 1024),
}
TURBO_LIMIT = 1.5  # of a pass of the UNet
MEMORY_LIMIT = 1.25  # of the weights in bf16


class Competitor:
    """A separate process that holds one network and runs steps on request."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )

    def run(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(map(str, self.process.args))} ended with {self.process.wait()}")
        return statistics.median(json.loads(line))

    def __enter__(self):
        self.run(1)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def prepared(folder, command):
    """The folder or file `folder`, created by `command` if it is missing. Incomplete results are never used."""
    if not folder.exists():
        print(f"making {folder}", flush=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            part = Path(work, folder.name)
            subprocess.run([*command, part], check=True)
            part.rename(folder)
    return folder


def prompt2pic(arguments, command, *options):
    size = ["--width", str(arguments.width), "--height", str(arguments.height)]
    return [arguments.program, command, *options, "--model", arguments.folder, *size, "--precision", "bf16", "--json"]


def our_step(arguments, part):
    steps, decoder_steps = (1, arguments.steps) if part == "decoder" else (arguments.steps, 1)
    command = prompt2pic(arguments, "bench", "--steps", str(steps), "--decoder-steps", str(decoder_steps))
    line = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return next(stage["seconds_per_step"] for stage in json.loads(line)["stages"] if stage["name"] == part)


def compare_speed(arguments, part):
    """Returns whether a limit is exceeded."""
    shape = [part, arguments.folder, str(arguments.width), str(arguments.height)]
    network = arguments.work / f"{arguments.folder.name}-{part}-{arguments.width}x{arguments.height}"
    prepared(network, [*STEPS, "convert", *shape])
    allocator = ctypes.util.find_library("tcmalloc_minimal") or ctypes.util.find_library("tcmalloc")
    preload = {"LD_PRELOAD": allocator} if allocator else {}
    print(f"{part}, {arguments.width}x{arguments.height}, diffusers with {allocator or 'the usual allocator'}", flush=True)

    turns = []
    converted = "genai" if part == "unet" else "conversion"
    commands = {"diffusers": [*STEPS, "diffusers", *shape], converted: [*STEPS, converted, *shape, network]}
    if part == "unet" and importlib.util.find_spec("stable_diffusion_cpp"):
        single_file = [sys.executable, TOOLS / "golden/single_file.py", "write", "--family", "sd1", arguments.folder]
        commands["sd_cpp"] = [*STEPS, "sd_cpp", *shape, prepared(network.with_suffix(".safetensors"), single_file)]
    elif part == "unet":
        print("stable-diffusion.cpp is left out: pip install stable-diffusion-cpp-python==0.4.7 builds it", flush=True)

    def steps(name):
        return 1 if name == "sd_cpp" else arguments.steps  # a whole picture goes with it

    with contextlib.ExitStack() as stack:
        others = {
            name: stack.enter_context(Competitor(command, preload if name == "diffusers" else None)) for name, command in commands.items()
        }
        for _ in range(arguments.runs):
            turns.append({"prompt2pic": our_step(arguments, part), **{name: other.run(steps(name)) for name, other in others.items()}})
            print("  seconds a step: " + ", ".join(f"{name} {seconds:.3f}" for name, seconds in turns[-1].items()), flush=True)
    medians = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    print(f"{part} step, medians of {len(turns)}: " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in medians.items()))
    passed = False
    for name in commands:
        ratio, limit, aim = (medians["prompt2pic"] / medians[name], LIMITS[part].get(name), AIMS.get(part, {}).get(name))
        print(f"  {ratio:.3f} of {name}'s time" + (f" (limit {limit})" if limit else "") + (f", aim {aim}" if aim else ""), flush=True)
        passed |= limit is not None and ratio > limit
    return passed


def weights_in_bf16(folder):
    """Bytes of all the folder's floating point weights, two each."""
    values = 0
    for path in folder.rglob("*.safetensors"):
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        for name, tensor in header.items():
            if name != "__metadata__" and "F" in tensor["dtype"]:
                begin, end = tensor["data_offsets"]
                values += (end - begin) // {"F32": 4, "F16": 2, "BF16": 2}[tensor["dtype"]]
    return 2 * values


def peak_anonymous(process):
    """Largest RssAnon of a process until it ends."""
    peak, ended = 0, threading.Event()
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                peak = max(peak, int(line.split()[1]) * 1024)
        ended.wait(0.01)
    return peak


def check_memory(arguments):
    """Returns whether the limit for a whole picture is exceeded."""
    steps = ["--steps", "2", "--output", arguments.work / "picture.png"]
    command = prompt2pic(arguments, "generate", "a fox on a blue background", "--seed", "1", *steps)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        peak = peak_anonymous(process)
        line = process.stdout.read()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    peak = max(peak, json.loads(line)["peak_anon_bytes"])
    weights = weights_in_bf16(arguments.folder)
    print(
        f"memory: at most {peak / 2**30:.2f} GiB anonymous, weights in bf16 {weights / 2**30:.2f} GiB:"
        f" {peak / weights:.3f} of them (limit {MEMORY_LIMIT})"
    )
    return peak > MEMORY_LIMIT * weights


def check_turbo(arguments):
    """Returns whether the limit for one step of a loaded model, prompt to PNG, is exceeded."""
    command = prompt2pic(arguments, "generate", "a fox on a blue background", "--seed", "1", "--steps", "1")

    def drawing(pictures):
        output = ["--count", str(pictures), "--output", arguments.work / "picture.png"]
        line = subprocess.run([*command, *output], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        seconds = json.loads(line)["seconds"]
        return seconds["total"] - seconds["load"]

    turns = []
    for _ in range(arguments.runs):
        more = 5
        turns.append(((drawing(1 + more) - drawing(1)) / more, our_step(arguments, "unet")))  # the first picture compiles
        print("  seconds: picture {:.3f}, pass {:.3f}".format(*turns[-1]), flush=True)
    picture, one_pass = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
    print(f"one step of SD-Turbo with TAESD: {picture:.3f} s, {picture / one_pass:.3f} passes of the UNet (limit {TURBO_LIMIT})")
    return picture > TURBO_LIMIT * one_pass


def measure(arguments, part):
    name, recipe, side = MODELS[part]
    command = [sys.executable, TOOLS / "golden" / recipe[0], *recipe[1:]]
    folder = prepared((arguments.folder or arguments.work / name).resolve(), command)
    arguments = argparse.Namespace(
        **{**vars(arguments), "folder": folder, "width": arguments.width or side, "height": arguments.height or side}
    )
    special = {"memory": check_memory, "memory_sdxl": check_memory, "turbo": check_turbo}
    return special[part](arguments) if part in special else compare_speed(arguments, part)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=TOOLS.parent / "build/release/prompt2pic")
    parser.add_argument("--work", type=Path, default=TOOLS.parent / "build/bench_vs", help="where what is made for this is kept")
    parser.add_argument("--folder", type=Path, help="the model; made under --work where it is absent")
    parser.add_argument("--only", nargs="+", choices=tuple(MODELS), default=tuple(MODELS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="steps a run; of ours the first does not count, so at least 3")
    parser.add_argument("--width", type=int, help="px; without it the model's own")
    parser.add_argument("--height", type=int)
    arguments = parser.parse_args()
    if arguments.steps < 3:
        parser.error("--steps is at least 3")
    arguments.work.mkdir(parents=True, exist_ok=True)
    failed = [measure(arguments, part) for part in arguments.only]
    sys.exit(any(failed))


if __name__ == "__main__":
    main()
