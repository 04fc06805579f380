"""The image itself: its content, and that it runs with least privilege."""

import os
import pathlib
import subprocess

from podman import LOCKED, HERE, TOOLS, inspect, podman
from infra import ROOT, run

LIMIT = 200e6


def test_dockerfiles_pass_hadolint():
    # DL3008: pinned package versions. The Debian release pins them, and a rebuild should pick up security fixes.
    run(TOOLS / "hadolint", "--ignore", "DL3008", ROOT / "Dockerfile", HERE / "Dockerfile.parts")


def test_image_contains_only_the_program(image):
    config = inspect(image)
    print(f"\nsize {config['Size'] / 1e6:.0f} MB, limit {LIMIT / 1e6:.0f} MB")
    assert config["Size"] <= LIMIT
    assert config["Config"]["User"] == "65534:65534"
    assert config["Config"]["Entrypoint"] == ["prompt2pic"]
    assert config["Healthcheck"]["Test"] == ["CMD", "prompt2pic", "health"]
    root = pathlib.Path(podman("image", "mount", image).strip())
    try:
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        programs = [path for path in files if path.stat().st_mode & 0o111 and ".so" not in path.name]
        assert [str(path.relative_to(root)) for path in programs] == ["usr/bin/prompt2pic"]
        assert not [path for path in files if path.stat().st_mode & 0o6000], "no file lends its owner's rights"
    finally:
        podman("image", "unmount", image)


def test_draws_as_nobody_on_a_read_only_root_without_capabilities(image):
    assert podman("run", "--rm", *LOCKED, image, "--version").startswith("prompt2pic ")
    podman("run", "--rm", *LOCKED, "--volume", "prompt2pic-test-data:/data", image, "generate", "a fox", "--output", "/data/fox.png")
    try:
        folder = pathlib.Path(inspect("prompt2pic-test-data")["Mountpoint"])
        assert (folder / "fox.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "fox.png").stat().st_uid == 65534
    finally:
        podman("volume", "rm", "prompt2pic-test-data")


def test_has_no_shell(image):
    for shell in ("/bin/sh", "/bin/bash", "/usr/bin/env"):
        tried = subprocess.run(["podman", "run", "--rm", *LOCKED, "--entrypoint", shell, image], capture_output=True, text=True, env=os.environ)
        assert tried.returncode == 127 and "not found" in tried.stderr, tried.stderr
