#!/usr/bin/env python3
"""Parallel runs of prompt2pic generate with one cache of compiled networks and one output folder, as in containers that share them."""
import ctypes
import json
import os
import pathlib
import platform
import shutil
import signal
import struct
import subprocess
import time
import unittest

from command import BINARY, QUICK, CliTest, read_png

CONTAINERS = (["unshare", "--pid", "--fork", "--kill-child"], ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"])
# Runs a command as process 1, as in a container, if this user is permitted to.
ISOLATED = next((prefix for prefix in CONTAINERS if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0), [])


def forbid_chmod():
    """Lets chmod fail in this process and its children (by seccomp), as on a file system without permissions."""
    numbers = {"x86_64": (90, 91, 268, 452), "aarch64": (52, 53, 452)}[platform.machine()]
    load, equal, give, refuse, allow = 0x20, 0x15, 0x06, 0x00050001, 0x7FFF0000  # BPF; refuse: with EPERM
    code = [(load, 0, 0, 0)]
    code += [(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    code += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    descriptor = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(program)))
    prctl = ctypes.CDLL(None).prctl
    if prctl(38, 1, 0, 0, 0) != 0 or prctl(22, 2, descriptor) != 0:  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        raise OSError("seccomp is not available")


class Parallel(CliTest):
    def setUp(self):
        super().setUp()
        self.env["P2P_CACHE_DIR"] = "cache"

    def start(self, *arguments, prefix=(), **more):
        process = subprocess.Popen([*prefix, BINARY, "generate", "fox", "--json", *QUICK, *arguments], cwd=self.folder, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        """Returns the files named in the output."""
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, err.decode())
        return json.loads(out)["files"]

    def picture(self, name):
        return pathlib.Path(self.folder, name).read_bytes()

    def cached(self):
        return sorted(os.listdir(os.path.join(self.folder, "cache")))

    def expected(self):
        self.succeed("generate", "fox", "--seed", "3", *QUICK, "--output", "alone.png", env={"P2P_CACHE_DIR": "off"})
        return self.picture("alone.png")

    def test_one_cache(self):
        expected = self.expected()
        blobs = None
        for at_once in (5, 2):
            started = []
            for number in range(at_once):
                started.append((f"{at_once}-{number}.png", self.start("--seed", "3", "--output", f"{at_once}-{number}.png")))
                time.sleep(0.1)  # later processes find what the first have written so far
            for name, process in started:
                self.finish(process)
                self.assertEqual(self.picture(name), expected, name)
            self.assertEqual([name for name in self.cached() if not name.endswith(".blob")], [])
            self.assertGreater(len(self.cached()), 5)
            self.assertEqual(self.cached(), blobs or self.cached(), "the second round finds all there")
            blobs = self.cached()

    def test_a_cache_without_chmod(self):
        expected = self.expected()
        for name in ("cold.png", "warm.png"):
            self.finish(self.start("--seed", "3", "--output", name, preexec_fn=forbid_chmod))
            self.assertEqual(self.picture(name), expected, name)
        self.assertGreater(len(self.cached()), 5)

    def test_a_run_that_is_killed_leaves_a_cache_that_works(self):
        expected = self.expected()
        process = self.start("--seed", "3", "--output", "killed.png")
        deadline = time.monotonic() + 60
        while not (os.path.isdir(os.path.join(self.folder, "cache")) and self.cached()) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL)
        for name in ("next.png", "warm.png"):
            self.finish(self.start("--seed", "3", "--output", name))
            self.assertEqual(self.picture(name), expected)

    def test_containers_share_a_folder(self):
        runs = {seed: self.start("--seed", str(seed), "--output", f"{seed}.png", prefix=ISOLATED) for seed in range(5)}
        for seed, process in runs.items():
            self.assertEqual(self.finish(process), [f"{seed}.png"])
            self.assertIn(f"Seed: {seed},", read_png(os.path.join(self.folder, f"{seed}.png"))[3]["parameters"])
        self.assertEqual(self.files(), [*(f"{seed}.png" for seed in range(5)), "cache"])

    def test_one_seed_without_a_name(self):
        names = sum((self.finish(process) for process in [self.start("--seed", "7", "--count", "2", prefix=ISOLATED) for _ in range(3)]), [])
        self.assertEqual(len(set(names)), 6)
        self.assertEqual(self.files(), sorted([*names, "cache"]))
        for name in names:
            read_png(os.path.join(self.folder, name))


if __name__ == "__main__":
    unittest.main(verbosity=2)
