"""What the rendered resources permit: pods, networks, secrets."""

import json
import re
import subprocess

import pytest
import yaml

from chart import COMBINATIONS, VENV, containers, of_kind, pods, render, rendered
from infra import ROOT, run

every_combination = pytest.mark.parametrize("combination", COMBINATIONS)
# One line for each check that does not apply, with the reason.
EXCEPTIONS = {
    "CKV_K8S_8": "the pod of `helm test` has no liveness probe: it runs once",
    "CKV_K8S_9": "nor a readiness probe",
    "CKV_K8S_11": "a limit of processors would slow workers down without need; requests are set",
    "CKV_K8S_15": "a tag or digest names one image; with Always a pod could not restart while the registry is down",
    "CKV_K8S_43": "image.digest pins the image, and an operator knows it only after pushing",
}


@every_combination
def test_checkov_finds_nothing_more(combination, tmp_path):
    (tmp_path / "rendered.yaml").write_text(yaml.safe_dump_all(rendered(combination)))
    failed = checkov(tmp_path)
    found = {(each["check_id"], each["check_name"], each["resource"]) for each in failed}
    assert {check for check, _, _ in found} == set(EXCEPTIONS), found
    assert {resource.rsplit("-", 1)[1] for check, _, resource in found if check in ("CKV_K8S_8", "CKV_K8S_9")} == {"doctor"}


def test_checkov_finds_nothing_in_the_dockerfile(tmp_path):
    (tmp_path / "Dockerfile").write_text((ROOT / "Dockerfile").read_text())
    # CKV_DOCKER_7: the base image has a tag, in an argument.
    assert {each["check_id"] for each in checkov(tmp_path)} == {"CKV_DOCKER_7"}


def test_checkov_finds_a_pod_with_a_writable_root(tmp_path):
    [pod] = of_kind(render("small"), "Pod").values()
    pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
    (tmp_path / "rendered.yaml").write_text(yaml.safe_dump(pod))
    assert "CKV_K8S_22" in {each["check_id"] for each in checkov(tmp_path)}


def checkov(folder):
    """The checks that failed."""
    command = [VENV / "bin/checkov", "--directory", folder, "--framework", "kubernetes", "dockerfile", "--skip-download", "--quiet", "--compact", "--output", "json"]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    reports = json.loads(result.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    assert sum(each["summary"]["passed"] for each in reports) > 5, result.stdout + result.stderr
    return [failed for each in reports for failed in each["results"]["failed_checks"]]


@every_combination
def test_pods_have_no_privileges(combination):
    for name, pod in pods(rendered(combination)).items():
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"], context["seccompProfile"]) == (True, 65534, 65534, {"type": "RuntimeDefault"}), name
        for container in containers(pod):
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}, name
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
        assert pod["terminationGracePeriodSeconds"] >= 65


@every_combination
def test_secrets_are_files_and_each_component_has_only_its_own(combination):
    own = {"bot": {"telegram_token", "s3_access_key", "s3_secret_key", "kafka_password", "database_url"}, "api": {"api_keys", "s3_access_key", "s3_secret_key", "kafka_password"},
           "worker": {"s3_access_key", "s3_secret_key", "kafka_password"}, "demo": {"api_keys", "telegram_token"}}
    own["doctor"] = own["bot"] | own["demo"]
    for name, pod in pods(rendered(combination)).items():
        [container] = pod["containers"]
        sources = [source for volume in pod["volumes"] if volume["name"] == "files" for source in volume["projected"]["sources"]]
        files = {item["path"] for source in sources for item in source["secret" if "secret" in source else "configMap"]["items"]}
        assert files - {"kafka_ca_file", "s3_ca_file"} <= own[container["name"]], name
        env = {each["name"]: each.get("value") for each in container["env"]}
        assert {f"/run/prompt2pic/{file}" for file in files} == {value for value in env.values() if value and value.startswith("/run/prompt2pic/")}, name
        assert not any("secretKeyRef" in json.dumps(each) for each in container["env"]), name
        if "bot" in name:
            assert "bot-s3-secret-key" in json.dumps(sources) and "worker-s3" not in json.dumps(sources)


def secrets_in(text, tmp_path):
    """What looks like a secret: for detect-secrets, which checkov brings, or as a token of Telegram or a password in an address."""
    (tmp_path / "rendered.yaml").write_text(text)
    # Keywords find names such as secretKey, and here names of keys follow them.
    command = [VENV / "bin/detect-secrets", "scan", "--all-files", "--no-verify", "--disable-plugin", "KeywordDetector", "rendered.yaml"]
    lines = text.splitlines()
    found = [lines[each["line_number"] - 1] for each in json.loads(run(*command, cwd=tmp_path))["results"].get("rendered.yaml", [])]
    return found + re.findall(r"\b[0-9]{8,10}:[\w-]{35}\b|[a-z]+://[^\s/:@]+:[^\s/@]+@", text)


@every_combination
def test_no_secret_is_in_the_resources(combination, tmp_path):
    documents = [each for each in rendered(combination) if each["kind"] not in ("PrometheusRule", "ConfigMap")]  # their files have no values of the chart
    assert secrets_in(yaml.safe_dump_all(documents), tmp_path) == []


@pytest.mark.parametrize("planted", ["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw4", "AKIAY7QH3M2WXN4PLB6D", "postgresql://bot:dk3Jw9vQmZ71@db.example.org/prompt2pic",
                                     "9f3b1c64e07d5a28f1b96c4d3e8a7052b4c1d9e6f7a80352"])
def test_the_scan_finds_a_planted_secret(planted, tmp_path):
    documents = render("small", {"bot.podAnnotations": {"note": planted}})
    assert planted in yaml.safe_dump_all(documents)
    assert secrets_in(yaml.safe_dump_all(documents), tmp_path)


def peers(rules, direction):
    """{port: peers} of the rules of a policy."""
    return {port["port"]: rule.get("to" if direction == "egress" else "from") for rule in rules or [] for port in rule["ports"]}


@every_combination
def test_everything_that_is_not_listed_is_denied(combination):
    policies = of_kind(rendered(combination), "NetworkPolicy")
    deny = policies.pop("p2p-prompt2pic-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in deny and "egress" not in deny
    for pod in [each["spec"]["template"] if "template" in each["spec"] else each for each in rendered(combination) if each["kind"] in ("Deployment", "Pod")]:
        labels = pod["metadata"]["labels"]
        selecting = [name for name, policy in policies.items() if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        assert len(selecting) == 1, labels
        assert deny["podSelector"]["matchLabels"].items() <= labels.items()


def test_each_component_reaches_what_it_needs():
    policies = {name.removeprefix("p2p-prompt2pic-"): each["spec"] for name, each in of_kind(rendered("postgresql"), "NetworkPolicy").items()}
    egress = {name: set(peers(policy.get("egress"), "egress")) for name, policy in policies.items()}
    dns, kafka, https, postgresql = 53, 9093, 443, 5432
    assert egress == {"deny": set(), "bot": {dns, kafka, https, postgresql}, "doctor": {dns, kafka, https, postgresql}, "api": {dns, kafka, https},
                      "worker-emoji": {dns, kafka, https}, "worker-sd-turbo": {dns, kafka, https}}
    ingress = {name: peers(policy.get("ingress"), "ingress") for name, policy in policies.items()}
    monitoring = {"health": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}
    public = {"http": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]}
    assert ingress == {"deny": {}, "doctor": {}, "bot": monitoring | public, "api": monitoring | public, "worker-emoji": monitoring, "worker-sd-turbo": monitoring}

    def blocks(name):
        return {peer["ipBlock"]["cidr"] for rule in policies[name]["egress"] for peer in rule.get("to", []) if "ipBlock" in peer}

    telegram, store = {"149.154.160.0/20", "91.108.4.0/22", "2001:67c:4e8::/48"}, {"192.0.2.10/32"}
    assert (blocks("bot"), blocks("api"), blocks("worker-emoji"), blocks("worker-sd-turbo")) == (telegram | store, store, store, store | {"0.0.0.0/0"})
    assert all("to" in rule for policy in policies.values() for rule in policy.get("egress", []))


def test_ports_follow_the_addresses():
    values = {"kafka.brokers": "a:9094, b:9095,c:9094", "s3.endpoint": "https://s3.example.org:8443/x"}
    bot = of_kind(render("small", values), "NetworkPolicy")["p2p-prompt2pic-bot"]["spec"]
    assert set(peers(bot["egress"], "egress")) == {53, 9094, 9095, 8443, 443}
    bot = of_kind(render("small", {"networkPolicy.s3.ports": [9001]}), "NetworkPolicy")["p2p-prompt2pic-bot"]["spec"]
    assert set(peers(bot["egress"], "egress")) == {53, 9092, 9001, 443}


def test_only_the_public_paths_are_forwarded():
    [ingress] = of_kind(rendered("full"), "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    paths = {(each["path"], each["pathType"], each["backend"]["service"]["name"].rsplit("-", 1)[1]) for each in rule["http"]["paths"]}
    assert paths == {("/v1/", "Prefix", "api"), ("/sdapi/", "Prefix", "api"), ("/pictures/", "Prefix", "api"), ("/page/", "Prefix", "api"), ("/docs", "Exact", "api"),
                     ("/openapi.json", "Exact", "api"), ("/", "Exact", "api"), ("/telegram", "Exact", "bot")}
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "12m" and annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "610"
    served = set(re.findall(r"^  (/\w+)", (ROOT / "docs/openapi.yaml").read_text(), re.M))
    assert served == {"/v1", "/sdapi"}


def test_a_webhook_of_another_host_has_its_own_rule():
    documents = render("cloudru", {"telegram.webhookUrl": "https://bot.example.org:8443/telegram/a"})
    rules = {rule["host"]: [each["path"] for each in rule["http"]["paths"]] for rule in of_kind(documents, "Ingress")["p2p-prompt2pic"]["spec"]["rules"]}
    assert rules["bot.example.org"] == ["/telegram/a"] and len(rules["pictures.example.org"]) == 7


def test_a_demo_without_keys_listens_on_loopback():
    def address(combination):
        [container] = pods(rendered(combination))["p2p-prompt2pic-demo"]["containers"]
        return next(each["value"] for each in container["env"] if each["name"] == "P2P_HTTP_LISTEN")
    assert (address("demo"), address("demo-public")) == ("127.0.0.1:8080", "0.0.0.0:8080")
