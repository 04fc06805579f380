"""The image itself: its content, and that it runs with least privilege."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import tarfile

from podman import IMAGE, LOCKED, HERE, TOOLS, build, build_options, inspect, podman
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
    with mounted(image) as root:
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        programs = [path for path in files if path.stat().st_mode & 0o111 and ".so" not in path.name]
        assert [str(path.relative_to(root)) for path in programs] == ["usr/bin/prompt2pic"]
        assert not [path for path in files if path.stat().st_mode & 0o6000], "no file lends its owner's rights"


@contextlib.contextmanager
def mounted(image):
    try:
        yield pathlib.Path(podman("image", "mount", image).strip())
    finally:
        podman("image", "unmount", image)


def test_labels_say_what_it_is(image):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in inspect(image)["Labels"].items()}
    assert labels["title"] == "Prompt2Pic" and labels["licenses"] == "Apache-2.0" and labels["revision"] == "of-the-tests" and labels["base.name"].startswith("localhost/")
    assert labels["version"] == re.search(r"project\(prompt2pic VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def test_bill_of_materials_lists_every_library(image):
    with mounted(image) as root:
        bill = json.loads((root / "usr/share/doc/prompt2pic/sbom.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        found = {part["name"]: part for part in bill["components"]}
        assert len(found) == len(bill["components"]) == len({part["bom-ref"] for part in bill["components"]}) and all(part["version"] and part["purl"] for part in found.values())
        assert {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()} < set(found)
        assert {"libwebp7", "libpq5", "openvino", "librdkafka", "nlohmann-json3-dev"} <= set(found)


SECRET = re.compile(rb"\b[0-9]{8,10}:[\w-]{35}\b|AKIA[0-9A-Z]{16}\b|postgresql://[\w.-]+:[0-9a-f]{32}")
KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}")


def secrets_in_layers(name, folder):
    """Files of the image's layers that look as if they had a token, a key or a password in them; deleted files too."""
    podman("save", "--format", "docker-archive", "--output", folder / "image.tar", name)
    found = []
    with tarfile.open(folder / "image.tar") as archive:
        layers = json.load(archive.extractfile("manifest.json"))[0]["Layers"]
        for layer in layers:
            with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                for file in filter(tarfile.TarInfo.isfile, files):
                    content = files.extractfile(file).read()
                    if SECRET.search(content) or (".so" not in file.name and KEY.search(content)):  # GnuTLS has the keys of its self-tests
                        found.append(file.name)
    (folder / "image.tar").unlink()
    return found


def test_no_secret_is_in_a_layer(image, tmp_path):
    assert secrets_in_layers(image, tmp_path) == []
    (tmp_path / "token").write_text("token 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw4\n")
    (tmp_path / "Dockerfile").write_text(f"FROM {image} AS with\nCOPY token /token\nFROM with\nCOPY Dockerfile /token\n")
    build(f"{IMAGE}-planted", tmp_path)
    try:
        assert secrets_in_layers(f"{IMAGE}-planted", tmp_path) == ["token"], "also where a later layer hides it"
    finally:
        podman("rmi", f"{IMAGE}-planted")


def test_two_builds_have_the_same_files(image):
    build(f"{IMAGE}-again", "--no-cache", *build_options())

    def listing(name):
        with mounted(name) as root:
            return sorted((str(path.relative_to(root)), oct(path.lstat().st_mode), path.is_symlink() and os.readlink(path)) for path in root.rglob("*"))
    try:
        assert listing(image) == listing(f"{IMAGE}-again")
    finally:
        podman("rmi", f"{IMAGE}-again")


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
