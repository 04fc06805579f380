"""podman, podman-compose, and the images that the tests run: ours from the Dockerfile, and small ones of the parts around it."""

import json
import os
import pathlib
import subprocess
import time

from infra import CACHE, ROOT, run

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = CACHE / "containers-venv/bin"
BASE = "localhost/prompt2pic-test-base:bookworm"
IMAGE = "localhost/prompt2pic-test"
LABEL = "prompt2pic-test=1"
ULIMITS = "--ulimit nofile=1024:1024 --ulimit nproc=4096:4096"  # those of containers.conf, which podman forgets where compose.yaml names others
LOCKED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]
os.environ["CONTAINERS_CONF"] = str(HERE / "containers.conf")


def podman(*arguments):
    return run("podman", *arguments)


def inspect(name):
    return json.loads(podman("inspect", name))[0]


def build(image, *arguments):
    """Seconds it took."""
    log = ROOT / f"build/containers/{image.split('/')[-1]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with open(log, "wb") as out:
        built = subprocess.run(["podman", "build", "--format", "docker", "--network", "host", "--build-arg", f"BASE={BASE}", "--label", LABEL, "-t", image, *map(str, arguments)], stdout=out, stderr=out)
    assert built.returncode == 0, f"{image} does not build; all it said is in {log}:\n{log.read_text()[-3000:]}"
    return time.monotonic() - start


def build_image():
    """What is slow to get, and what the compiler has made, is lent from this machine's cache, at the place where the build would put its own."""
    lent = [(path, "ro") for pattern in ("openvino-*", "librdkafka-*-static", "clip-*") for path in CACHE.glob(pattern)] + [(CACHE / "ccache", "rw")]
    volumes = [f"--volume={path}:/root/.cache/prompt2pic/{path.name}:{mode}" for path, mode in lent]
    options = ["--build-arg", f"P2P_JOBS={os.environ.get('P2P_JOBS', os.cpu_count())}", *volumes, ROOT]
    # The first stage has a name of its own, so that it is kept for the next time, and what it was before goes.
    seconds = build(f"{IMAGE}-build", "--target", "build", *options) + build(IMAGE, *options)
    podman("image", "prune", "--force", "--filter", f"label={LABEL}")
    return seconds


def build_parts():
    for target in ("kafka", "storage", "telegram"):
        build(f"{IMAGE}-{target}", "--target", target, "--build-context", f"kafka-jars={CACHE}/kafka-4.3.1/libs", "--build-context", f"versitygw-binary={(CACHE / 'versitygw').resolve()}",
              "-f", HERE / "Dockerfile.parts", ROOT / "tests")


class Compose:
    """compose.yaml as an operator has it: in a folder of its own, with the secrets and .env."""

    def __init__(self, folder, project, secrets, **env):
        self.folder, self.project, self.env, self.files, self.told = folder, project, env, ["compose.yaml"], ""
        for name in ("compose.yaml", "compose.links.yaml", "compose.api.yaml", "compose.storage.sh"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / "secrets").mkdir(mode=0o700)
        for name, text in secrets.items():
            (folder / "secrets" / name).write_text(text)

    def __call__(self, *arguments):
        self.told = self.logs()  # up and down may remove containers
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in self.env.items()))
        files = [word for name in [*self.files, HERE / "compose.test.yaml"] for word in ("-f", name)]
        return run(TOOLS / "podman-compose", f"--podman-run-args={ULIMITS}", "-p", self.project, *files, *arguments, cwd=self.folder)

    def containers(self, service=""):
        """Names of those that run."""
        filters = ["--filter", f"label=io.podman.compose.project={self.project}"] + (["--filter", f"label=com.docker.compose.service={service}"] if service else [])
        return sorted(podman("ps", "--format", "{{.Names}}", *filters).split())

    def logs(self):
        """Of those that are there and of those that were."""
        names = podman("ps", "-a", "--format", "{{.Names}}", "--filter", f"label=io.podman.compose.project={self.project}").split()
        return self.told + "".join((done := subprocess.run(["podman", "logs", name], capture_output=True, text=True)).stdout + done.stderr for name in names)
