"""The chart, rendered by Helm with every combination of values that its README documents."""

import functools
import json
import subprocess

import yaml

from infra import CACHE, ROOT

CHART = ROOT / "deploy/helm/prompt2pic"
EXAMPLES = ROOT / "deploy/helm/examples"
HELM = CACHE / "helm/helm"
VENV = CACHE / "deploy-venv"
RESOURCES = CACHE / "kubernetes-resources"  # definitions of resources of operators
NAMESPACE = "pictures"

COMBINATIONS = {
    "demo": ["demo"],
    "demo-public": ["demo-public"],
    "small": ["small"],
    "own-s3": ["small", "own-s3"],
    "full": ["full"],
    "postgresql": ["full", "postgresql"],
    "cloudru": ["cloudru"],
}
PODS = {"Deployment": lambda it: it["spec"]["template"], "Pod": lambda it: it}


def helm(*arguments):
    """Returns (exit code, output)."""
    result = subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def flags(combination, values=None):
    """The flags of Helm for a combination, with more values."""
    files = [f"--values={EXAMPLES}/values-{name}.yaml" for name in COMBINATIONS[combination]]
    return [*files, *(f"--set-json={key}={json.dumps(value)}" for key, value in (values or {}).items())]


def template(combination, values=None):
    return helm("template", "p2p", CHART, "--namespace", NAMESPACE, *flags(combination, values))


def render(combination, values=None):
    code, output = template(combination, values)
    assert code == 0, output
    return [document for document in yaml.safe_load_all(output) if document]


@functools.cache
def rendered(combination):
    """As render(); the documents are shared and must not be changed."""
    return render(combination)


def of_kind(documents, kind):
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


def pods(documents):
    """The specification of each pod by the name of its Deployment or of the test's pod."""
    return {each["metadata"]["name"]: PODS[each["kind"]](each)["spec"] for each in documents if each["kind"] in PODS}


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]
