"""podman, podman-compose, and the images of the tests: ours from the Dockerfile, and small ones of the other components."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import time

from infra import CACHE, ROOT, run

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = CACHE / "containers-venv/bin"
BASE = "localhost/prompt2pic-test-base:bookworm"
IMAGE = "localhost/prompt2pic-test"
LABEL = "prompt2pic-test=1"
ULIMITS = "--ulimit nofile=1024:1024 --ulimit nproc=4096:4096"  # as in containers.conf, which podman ignores if compose.yaml sets others
LOCKED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]
os.environ["CONTAINERS_CONF"] = str(HERE / "containers.conf")


def podman(*arguments):
    return run("podman", *arguments)


def inspect(name):
    return json.loads(podman("inspect", name))[0]


def build(image, *arguments):
    """Builds an image and returns the seconds it took."""
    log = ROOT / f"build/containers/{image.split('/')[-1]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with open(log, "wb") as out:
        built = subprocess.run(["podman", "build", "--format", "docker", "--network", "host", "--build-arg", f"BASE={BASE}", "--label", LABEL, "-t", image, *map(str, arguments)], stdout=out, stderr=out)
    assert built.returncode == 0, f"{image} does not build; the output is in {log}:\n{log.read_text()[-3000:]}"
    return time.monotonic() - start


def build_options():
    """Mounts this machine's downloads and compiler cache where the build would put its own."""
    lent = [(path, "ro") for pattern in ("openvino-*", "librdkafka-*-static", "clip-*") for path in CACHE.glob(pattern)] + [(CACHE / "ccache", "rw")]
    volumes = [f"--volume={path}:/root/.cache/prompt2pic/{path.name}:{mode}" for path, mode in lent]
    return ["--build-arg", "REVISION=of-the-tests", "--build-arg", f"P2P_JOBS={os.environ.get('P2P_JOBS', os.cpu_count())}", *volumes, ROOT]


def build_image():
    # The first stage is tagged, so that it is kept for the next build and its previous version is removed.
    seconds = build(f"{IMAGE}-build", "--target", "build", *build_options()) + build(IMAGE, *build_options())
    podman("image", "prune", "--force", "--filter", f"label={LABEL}")
    return seconds


def build_parts():
    for target in ("kafka", "storage", "telegram", "proxy", "database"):
        build(f"{IMAGE}-{target}", "--target", target, "--build-context", f"kafka-jars={CACHE}/kafka-4.3.1/libs", "--build-context", f"versitygw-binary={(CACHE / 'versitygw').resolve()}",
              "--build-context", f"caddy-binary={CACHE / 'proxies/usr/bin'}",
              "-f", HERE / "Dockerfile.parts", ROOT / "tests")


class Compose:
    """compose.yaml as an operator has it: in its own folder, with secrets and .env."""

    def __init__(self, folder, project, secrets, **env):
        self.folder, self.project, self.files, self.old_logs = folder, project, ["compose.yaml"], ""
        self.env = {"P2P_IMAGE": IMAGE, **{f"{name.upper()}_IMAGE": f"{IMAGE}-{name}" for name in ("kafka", "storage", "proxy")}, "POSTGRES_IMAGE": f"{IMAGE}-database", "MODELS": ROOT / "models", **env}
        for path in (*ROOT.glob("compose*"), ROOT / "deploy"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
        run("./compose.secrets.sh", cwd=folder)
        for name, text in secrets.items():
            self.secret(name, text)

    def secret(self, name, text):
        (self.folder / "secrets" / name).write_text(text)

    def command(self):
        """podman-compose for this stack, after writing .env."""
        self.old_logs = self.logs()  # up and down may remove containers
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in self.env.items()))
        files = [word for name in [*self.files, HERE / "compose.test.yaml"] for word in ("-f", name)]
        return [str(word) for word in (TOOLS / "podman-compose", f"--podman-run-args={ULIMITS}", "-p", self.project, *files)]

    def __call__(self, *arguments):
        return run(*self.command(), *arguments, cwd=self.folder)

    def shell(self, commands):
        """Runs an operator's commands; `docker compose` in them is podman-compose, which does not build."""
        shim = self.folder / "bin/docker"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f'#!/bin/bash\n[ "$1" = compose ] || exit 2\nshift\nexec {shlex.join(self.command())} "${{@/#--build/--no-build}}"\n')
        shim.chmod(0o755)
        return run("env", f"PATH={shim.parent}:{os.environ['PATH']}", "bash", "-ec", commands, cwd=self.folder)

    def containers(self, service=""):
        """Names of running containers."""
        filters = ["--filter", f"label=io.podman.compose.project={self.project}"] + (["--filter", f"label=com.docker.compose.service={service}"] if service else [])
        return sorted(podman("ps", "--format", "{{.Names}}", *filters).split())

    def logs(self):
        """Logs of current and removed containers."""
        names = podman("ps", "-a", "--format", "{{.Names}}", "--filter", f"label=io.podman.compose.project={self.project}").split()
        return self.old_logs + "".join((done := subprocess.run(["podman", "logs", name], capture_output=True, text=True)).stdout + done.stderr for name in names)
