"""Every documented combination renders into valid resources, and wrong values are refused with a message that says what to do."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

from chart import CHART, COMBINATIONS, EXAMPLES, containers, flags, helm, of_kind, pods, render, rendered, template
from infra import BINARY, CACHE, ROOT

every_combination = pytest.mark.parametrize("combination", COMBINATIONS)


@every_combination
def test_helm_finds_nothing_to_complain_about(combination):
    code, output = helm("lint", "--strict", CHART, *flags(combination))
    assert code == 0 and "1 chart(s) linted, 0 chart(s) failed" in output, output


def test_the_chart_without_values_passes_lint_and_says_what_is_missing():
    assert helm("lint", "--strict", CHART)[0] == 0
    code, output = helm("template", "p2p", CHART)
    assert code != 0
    for words in ("kafka.brokers is not set", "s3.endpoint is not set", "s3.bucket is not set", "--set demo.enabled=true"):
        assert words in output


def kubeconform(text, schemas):
    """Returns (exit code, report)."""
    result = subprocess.run([CACHE / "kubeconform/kubeconform", "-strict", "-summary", "-output", "json", "-schema-location", schemas, "-"], input=text, capture_output=True, text=True)
    return result.returncode, json.loads(result.stdout)


@every_combination
def test_resources_match_the_schemas_of_kubernetes_and_of_the_operators(combination, schemas):
    code, report = kubeconform(yaml.safe_dump_all(rendered(combination)), schemas)
    assert code == 0, report
    assert report["summary"] == {"valid": len(rendered(combination)), "invalid": 0, "errors": 0, "skipped": 0}


def test_kubeconform_refuses_an_unknown_property(schemas):
    [account] = of_kind(render("small"), "ServiceAccount").values()
    account["automount"] = False
    code, report = kubeconform(yaml.safe_dump(account), schemas)
    assert code == 1 and "automount" in json.dumps(report)


WRONG = {
    "an unknown value": ({"kafka.broker": "k:9092"}, "at '/kafka': additional properties 'broker' not allowed"),
    "an unknown value of a worker": ({"workers": [{"name": "a", "replicas": 2}]}, "at '/workers/0': additional properties 'replicas' not allowed"),
    "an unknown setting": ({"settings": {"user_qeue": 1}}, "at '/settings': additional properties 'user_qeue' not allowed"),
    "a secret as a setting": ({"bot.settings": {"telegram_token": "1:a"}}, "at '/bot/settings': additional properties 'telegram_token' not allowed"),
    "a secret as a variable": ({"bot.extraEnvVars": [{"name": "P2P_TELEGRAM_TOKEN", "value": "1:a"}]}, "bot.extraEnvVars has the secret P2P_TELEGRAM_TOKEN; name its key in secrets.telegramToken"),
    "a broker without a port": ({"kafka.brokers": "kafka"}, "/kafka/brokers"),
    "an unknown protocol": ({"kafka.securityProtocol": "tls"}, "'sasl_ssl'"),
    "a number as a text": ({"bot.replicaCount": "two"}, "/bot/replicaCount"),
    "a webhook without a path": ({"telegram.webhookUrl": "https://bot.example.org"}, "/telegram/webhookUrl"),
    "a short grace period": ({"pod.terminationGracePeriodSeconds": 30}, "/pod/terminationGracePeriodSeconds"),
    "a model's name that no topic can have": ({"workers": [{"name": "a", "models": ["Big Model"]}]}, "/workers/0/models/0"),
    "a tag instead of a digest": ({"image.digest": "1.0"}, "/image/digest"),
    "SASL without a user": ({"kafka.securityProtocol": "sasl_ssl"}, "kafka.saslMechanism and kafka.username must be set"),
    "two bots with one SQLite file": ({"bot.replicaCount": 2}, "secrets.databaseUrl.key (PostgreSQL) and telegram.webhookUrl"),
    "two workers of one name": ({"workers": [{"name": "a"}, {"name": "a"}]}, "two entries of workers are named a"),
    "KEDA without Prometheus": ({"worker.autoscaling.enabled": True}, "keda.prometheusAddress"),
    "External Secrets without a store": ({"externalSecrets.enabled": True}, "externalSecrets.secretStoreRef.name"),
    "an Ingress for nothing": ({"ingress.enabled": True}, "neither the API nor a webhook"),
    "an Ingress without a name": ({"ingress.enabled": True, "api.enabled": True}, "ingress.hostname is not set"),
    "an Ingress without keys": ({"ingress": {"enabled": True, "hostname": "a.example.org"}, "demo.enabled": True}, "demo.secrets must have apiKeys"),
    "two monitors": ({"podMonitor.enabled": True, "serviceMonitor.enabled": True}, "podMonitor and serviceMonitor would count every pod twice"),
    "nothing at all": ({"bot.enabled": False, "workers": []}, "bot, api and workers are all disabled"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_with_a_clear_message(name):
    values, message = WRONG[name]
    code, output = template("small", values)
    assert code != 0 and message in output, output


def table():
    """(all settings, the secret ones), from the program's table."""
    source = (ROOT / "src/config/settings_table.cpp").read_text()
    entries = re.findall(r'Setting\{\s*"(\w+)"(.*?)(?=\n    Setting\{|\n\};)', source[source.index("kSettings{"):], re.S)
    return {name for name, _ in entries}, {name for name, rest in entries if re.search(r",\s*true\},?\s*$", rest.strip())}


def test_the_schema_knows_the_settings_of_the_program():
    every, secret = table()
    schema = json.loads((CHART / "values.schema.json").read_text())
    managed = {"models_dir", "http_listen", "health_listen", "data_dir"}  # by the chart
    own = {name for name in every if re.match("(kafka_(brokers|security|sasl|username|ca)|s3_(endpoint|public|region|bucket|ca)|telegram_(webhook|api)_url)", name)}
    assert len(every) > 60 and len(secret) > 8
    assert set(schema["$defs"]["settings"]["properties"]) == every - secret - managed - own
    keys = set(schema["properties"]["secrets"]["properties"])
    entries = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub("^(bot|worker|api(?=S3))", "", key)).lower() for key in keys}
    assert entries == secret


@every_combination
def test_every_variable_is_a_setting_of_the_program(combination):
    every, secret = table()
    known = {f"P2P_{name.upper()}" for name in every} | {f"P2P_{name.upper()}_FILE" for name in secret}
    for name, pod in pods(rendered(combination)).items():
        for container in containers(pod):
            variables = [each["name"] for each in container["env"]]
            assert set(variables) <= known, name
            assert len(variables) == len(set(variables)), name


@every_combination
def test_the_program_accepts_every_environment(combination, tmp_path):
    contents = {"telegram_token": "1:a", "api_keys": "0123456789abcdef", "database_url": "postgresql://bot@db/bot"}
    for name, pod in pods(rendered(combination)).items():
        for container in containers(pod):
            env = {}
            for each in container["env"]:
                value = each.get("value", container["resources"]["requests"]["cpu"])
                if value.startswith("/run/prompt2pic/"):
                    file = tmp_path / pathlib.Path(value).name
                    file.write_text(contents.get(file.name, "text"))
                    value = str(file)
                env[each["name"]] = str(tmp_path) if value == "/models" else value
            result = subprocess.run([BINARY, "config"], capture_output=True, text=True, env=env)
            assert result.returncode == 0 and result.stderr == "", (name, result.stderr)
            assert all(name.removesuffix("_FILE") in result.stdout for name in env)


def test_settings_keep_their_text():
    values = {"settings": {"max_pixels": 4194304, "safety": 0.25}, "api.enabled": True, "api.settings": {"api_page": True, "api_strict": "off", "user_queue": 3}}
    [container] = pods(render("small", values))["p2p-prompt2pic-api"]["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert (env["P2P_MAX_PIXELS"], env["P2P_SAFETY"], env["P2P_API_PAGE"], env["P2P_API_STRICT"], env["P2P_USER_QUEUE"]) == ("4194304", "0.25", "on", "off", "3")


def test_a_worker_can_turn_off_what_is_the_default_of_all():
    documents = rendered("full")
    assert list(of_kind(documents, "ScaledObject")) == ["p2p-prompt2pic-worker-sd-turbo"]
    assert "replicas" not in of_kind(documents, "Deployment")["p2p-prompt2pic-worker-sd-turbo"]["spec"]
    assert of_kind(documents, "Deployment")["p2p-prompt2pic-worker-emoji"]["spec"]["replicas"] == 1


def test_the_bot_is_alone_with_its_volume_unless_it_has_a_database():
    bot = of_kind(rendered("full"), "Deployment")["p2p-prompt2pic-bot"]["spec"]
    assert (bot["replicas"], bot["strategy"]) == (1, {"type": "Recreate"})
    assert "p2p-prompt2pic-bot" in of_kind(rendered("full"), "PersistentVolumeClaim")
    documents = rendered("postgresql")
    bot = of_kind(documents, "Deployment")["p2p-prompt2pic-bot"]["spec"]
    assert "replicas" not in bot and bot["strategy"] == {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert "p2p-prompt2pic-bot" in of_kind(documents, "HorizontalPodAutoscaler")
    assert "p2p-prompt2pic-bot" not in of_kind(documents, "PersistentVolumeClaim")
    env = {each["name"]: each.get("value") for each in bot["template"]["spec"]["containers"][0]["env"]}
    assert env["P2P_DATABASE_URL_FILE"] == "/run/prompt2pic/database_url"


def test_workers_scale_with_what_the_leader_holds_back():
    [scaled] = of_kind(rendered("full"), "ScaledObject").values()
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    selector = '{namespace="pictures",model=~"sd-turbo"}'
    assert query == f"sum(max by (model) (prompt2pic_queue_waiting{selector})) + sum(max by (model) (prompt2pic_queue_sent{selector}))"
    source = (ROOT / "src/services/dispatch/group.cpp").read_text()
    assert all(f'"{name}"' in source for name in re.findall(r"prompt2pic_\w+", query))


@pytest.mark.parametrize("combination,kind,endpoints", [("full", "PodMonitor", "podMetricsEndpoints"), ("postgresql", "ServiceMonitor", "endpoints")])
def test_a_monitor_finds_every_pod_under_the_job_of_the_alerts(combination, kind, endpoints):
    documents = rendered(combination)
    [monitor] = [each["spec"] for each in documents if each["kind"] in ("PodMonitor", "ServiceMonitor")]
    [endpoint] = monitor[endpoints]
    selector, port = monitor["selector"]["matchLabels"], endpoint["port"]
    if kind == "ServiceMonitor":
        [service] = [each["spec"] for each in of_kind(documents, "Service").values() if selector.items() <= each["metadata"]["labels"].items()]
        assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"] is True
        selector, [port] = service["selector"], [each["targetPort"] for each in service["ports"] if each["name"] == port]
    jobs = set()
    for deployment in of_kind(documents, "Deployment").values():
        pod = deployment["spec"]["template"]
        labels = pod["metadata"]["labels"]
        assert selector.items() <= labels.items() and {"name": port, "containerPort": 9080} in pod["spec"]["containers"][0]["ports"]
        jobs.add("prompt2pic-" + labels["app.kubernetes.io/component"])
    assert endpoint["path"] == "/metrics"
    assert endpoint["relabelings"] == [{"sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"], "targetLabel": "job", "replacement": "prompt2pic-$1"}]
    assert jobs == {each["job_name"] for each in yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]}


def test_alerts_and_dashboards_are_in_their_resources():
    documents = rendered("full")
    [rule] = of_kind(documents, "PrometheusRule").values()
    alerts = yaml.safe_load((CHART / "files/alerts.yaml").read_text().replace("runbook_url: ", "runbook_url: https://git.example.org/prompt2pic/blob/main/"))
    assert rule["spec"] == alerts and alerts["groups"]
    [dashboards] = of_kind(documents, "ConfigMap").values()
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    for file in (CHART / "files").glob("*.json"):
        assert json.loads(dashboards["data"][f"prompt2pic-{file.name}"]) == json.loads(file.read_text())
    assert dashboards["data"]


def test_external_secrets_makes_what_the_pods_mount():
    documents = rendered("full")
    [external] = of_kind(documents, "ExternalSecret").values()
    made = {(external["spec"]["target"]["name"], each["secretKey"]) for each in external["spec"]["data"]}
    mounted = {(source["secret"]["name"], item["key"]) for pod in pods(documents).values() for volume in pod.get("volumes", []) if "projected" in volume
               for source in volume["projected"]["sources"] for item in source["secret"]["items"]}
    assert mounted - made == {("prompt2pic-kafka", "password"), ("queue-cluster-ca-cert", "ca.crt")} and made < mounted


def test_readme_documents_every_combination_and_both_languages_agree():
    english, russian = ((CHART / name).read_text() for name in ("README.md", "README.ru.md"))
    for file in EXAMPLES.glob("*.yaml"):
        assert file.name in english and file.name in russian, file.name
    assert re.findall(r"^\| `([^`]+)`", english, re.M) == re.findall(r"^\| `([^`]+)`", russian, re.M)
    documented = set(re.findall(r"^\| `([a-zA-Z0-9]+)", english, re.M))
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())) - {"nameOverride", "fullnameOverride"} <= documented


def test_strimzi_knows_the_examples(schemas):
    text = (EXAMPLES / "strimzi.yaml").read_text()
    code, report = kubeconform(text, schemas)
    assert code == 0 and report["summary"] == {"valid": 6, "invalid": 0, "errors": 0, "skipped": 0}, report
    topics = {each["metadata"]["name"]: each["spec"]["partitions"] for each in yaml.safe_load_all(text) if each["kind"] == "KafkaTopic"}
    assert topics == {"prompt2pic.events": 4, "prompt2pic.control": 1, "prompt2pic.dead-letters": 1, "prompt2pic.models": 1, "prompt2pic.requests.emoji": 32}
    for wrong in (text.replace("partitions:", "partition:"), text.replace("patternType: prefix", "patternType: prefixed"), text.replace("type: simple", "type: simply")):
        assert kubeconform(wrong, schemas)[0] == 1
