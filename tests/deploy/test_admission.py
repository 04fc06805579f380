"""A real Kubernetes API server accepts the rendered resources, and the pods in a namespace that enforces the restricted Pod Security Standard."""

import copy
import uuid

import pytest
import yaml

from chart import CHART, COMBINATIONS, EXAMPLES, PODS, containers, flags, helm, render, rendered

every_combination = pytest.mark.parametrize("combination", COMBINATIONS)


def in_namespace(documents, namespace):
    documents = copy.deepcopy(list(documents))
    for document in documents:
        document["metadata"]["namespace"] = namespace
    return documents


@pytest.fixture
def namespace(cluster):
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.namespace(name, **{"pod-security.kubernetes.io/enforce": "restricted"})
    return name


@every_combination
def test_resources_are_accepted(combination, cluster, namespace):
    documents = in_namespace(rendered(combination), namespace)
    code, output = cluster.apply(documents)
    assert code == 0 and output.count("serverside-applied") == len(documents), output
    assert "would violate PodSecurity" not in output


@every_combination
def test_the_chart_installs(combination, cluster, namespace):
    flag = ("--namespace", namespace, "--kubeconfig", cluster.kubeconfig)
    code, output = helm("install", "p2p", CHART, *flag, *flags(combination))
    assert code == 0 and "STATUS: deployed" in output and "would violate PodSecurity" not in output, output
    documents = [each for each in in_namespace(rendered(combination), namespace) if "helm.sh/hook" not in each["metadata"].get("annotations", {})]
    assert len(cluster.must("get", "--output=name", documents=documents).split()) == len(documents)
    code, output = helm("uninstall", "p2p", *flag)
    assert code == 0, output
    kept = cluster.must("get", "--output=name", "--ignore-not-found", documents=documents).split()
    assert kept == [f"persistentvolumeclaim/{each['metadata']['name']}" for each in documents if each["kind"] == "PersistentVolumeClaim"]


def test_the_topics_and_the_user_of_strimzi_are_accepted(cluster, namespace):
    documents = in_namespace(yaml.safe_load_all((EXAMPLES / "strimzi.yaml").read_text()), namespace)
    code, output = cluster.apply(documents)
    assert code == 0 and output.count("serverside-applied") == 6, output


def bare_pods(documents, namespace):
    """Each pod of the documents as a resource, because no controller makes pods from Deployments here."""
    for document in documents:
        if document["kind"] in PODS:
            pod = copy.deepcopy(PODS[document["kind"]](document))
            name = document["metadata"]["name"]
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}


@every_combination
def test_pods_are_admitted_under_the_restricted_standard(combination, cluster, namespace):
    pods = list(bare_pods(rendered(combination), namespace))
    code, output = cluster.apply(pods)
    assert code == 0 and output.count("serverside-applied") == len(pods) > 1, output


BREACHES = {
    "root": (lambda pod: pod["spec"]["securityContext"].update(runAsUser=0), "runAsUser=0"),
    "a privileged container": (lambda pod: containers(pod["spec"])[0]["securityContext"].update(privileged=True, allowPrivilegeEscalation=True), "privileged"),
    "capabilities": (lambda pod: [each["securityContext"].pop("capabilities") for each in containers(pod["spec"])], "unrestricted capabilities"),
    "a folder of the node": (lambda pod: pod["spec"].setdefault("volumes", []).append({"name": "node", "hostPath": {"path": "/"}}), "hostPath"),
}


@every_combination
@pytest.mark.parametrize("breach", BREACHES)
def test_a_pod_with_more_privileges_is_refused(breach, combination, cluster, namespace):
    change, message = BREACHES[breach]
    pods = list(bare_pods(rendered(combination), namespace))
    for pod in pods:
        change(pod)
    code, output = cluster.apply(pods)
    refusals = [line for line in output.splitlines() if "violates PodSecurity" in line and message in line]
    assert code != 0 and len(refusals) == len(pods) > 1, output


def test_an_unknown_field_is_refused(cluster, namespace):
    documents = in_namespace(render("small"), namespace)
    deployment = next(each for each in documents if each["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["automountToken"] = False
    code, output = cluster.apply([deployment])
    assert code != 0 and "automountToken" in output


def test_the_notes_name_the_secrets_and_open_destinations(cluster, namespace):
    code, output = helm("install", "p2p", CHART, "--namespace", namespace, "--kubeconfig", cluster.kubeconfig, "--dry-run=server", *flags("small", {"networkPolicy.s3.to": []}))
    assert code == 0, output
    notes = output[output.index("NOTES:"):]
    assert "prompt2pic: telegram-token (bot)" in notes and "prompt2pic: worker-s3-secret-key (worker-emoji)" in notes
    assert "networkPolicy.s3.to is empty" in notes and "networkPolicy.kafka.to is empty" not in notes
