"""The alerting rules, the dashboard and their documents: by themselves, and with a real Prometheus that watches bot, API and worker. Needs tools/setup_monitoring
and the environment of tests/service."""

import itertools
import json
import math
import pathlib
import re
import sys
import time
import urllib.parse

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "service"))
from infra import BINARY, CACHE, ROOT, Process, Service, fetch, free_port, limit_memory, run, wait_for  # noqa: E402

PROGRAMS = CACHE / "prometheus/usr/bin"
RULES = ROOT / "deploy/helm/prompt2pic/files/alerts.yaml"
RULE_TESTS = ROOT / "deploy/prometheus/alerts_test.yaml"
DASHBOARD = ROOT / "deploy/helm/prompt2pic/files/dashboard.json"
SCRAPE = ROOT / "deploy/prometheus/prometheus.yml"
PROVISIONING = ROOT / "deploy/grafana/provisioning"
LANGUAGES = {"": ("Meaning", "What users notice", "How to look", "What to do", "When to escalate"),
             ".ru": ("Что это значит", "Что замечают пользователи", "Как посмотреть", "Что делать", "Когда звать на помощь")}


def alerts():
    return {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def metrics_in(text):
    return set(re.findall(r"(?<!network )\b(?:prompt2pic|process)_[a-z][a-z0-9_]+\b(?!-)", text))  # not the names of networks, volumes and packages


def family(name):
    """The name in the source of a series of a histogram."""
    return re.sub(r"_(bucket|count|sum)$", "", name) if "_seconds_" in name and not name.endswith("_total") else name


def metrics_of_source():
    files = (path for path in (ROOT / "src").rglob("*.[ch]pp") if not path.name.endswith("_test.cpp"))
    return set(itertools.chain.from_iterable(re.findall(r'"((?:prompt2pic|process)_[a-z0-9_]+)"', path.read_text()) for path in files))


# --- rules

def test_rules_and_scrape_configuration_are_valid():
    run(PROGRAMS / "promtool", "check", "rules", RULES)
    assert "1 rule files found" in run(PROGRAMS / "promtool", "check", "config", SCRAPE)


def test_each_alert_fires_and_is_silent_when_all_is_well():
    run(PROGRAMS / "promtool", "test", "rules", RULE_TESTS)
    healthy, *tests = yaml.safe_load(RULE_TESTS.read_text())["tests"]
    fired = {sample["labels"].split('alertname="')[1].split('"')[0]
             for test in tests for check in test["promql_expr_test"] for sample in check["exp_samples"] if 'alertstate="firing"' in sample["labels"]}
    assert fired == set(alerts())
    assert healthy["name"] == "healthy"
    used = set().union(*(metrics_in(rule["expr"]) for rule in alerts().values()))
    assert used == set().union(*(metrics_in(series["series"]) for series in healthy["input_series"]))


def test_each_alert_names_severity_and_runbook():
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, name
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_alert_has_a_runbook(language):
    text = (ROOT / f"docs/runbooks{language}.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    found = {section.split("\n")[0]: section for section in sections if section.startswith("Prompt2Pic")}
    assert list(found) == list(alerts())
    for name, section in found.items():
        assert tuple(re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE)) == LANGUAGES[language], name
        assert "`" in section.split(f"**{LANGUAGES[language][2]}.**")[1], f"{name}: commands or queries"


@pytest.mark.parametrize("document", ["operations.md", "operations.ru.md", "runbooks.md", "runbooks.ru.md"])
def test_documents_name_only_metrics_and_alerts_that_exist(document):
    text = (ROOT / "docs" / document).read_text()
    assert {family(name) for name in metrics_in(text)} <= metrics_of_source()
    assert set(re.findall(r"\bPrompt2Pic[A-Z]\w+", text)) <= set(alerts())


# --- dashboard

def test_dashboard_is_complete():
    all_panels = dashboard()["panels"]
    assert len({panel["id"] for panel in all_panels}) == len(all_panels)
    assert len({panel["title"] for panel in all_panels}) == len(all_panels)
    for panel in all_panels:
        assert panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0, panel["title"]
        for source in (panel, *panel["targets"]):
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        for alert in re.findall(r"\bPrompt2Pic[A-Z]\w+", panel["description"]):
            assert alert in alerts(), panel["title"]
    assert [variable["name"] for variable in dashboard()["templating"]["list"]] == ["datasource", "namespace", "model"]


def test_panels_do_not_overlap():
    taken = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = set(itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])))
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


# --- compose

def test_compose_file_mounts_what_is_there():
    compose = yaml.safe_load((ROOT / "compose.monitoring.yaml").read_text())
    services = compose["services"]
    known = set().union(*(yaml.safe_load((ROOT / file).read_text())["services"] for file in ("compose.yaml", "compose.api.yaml")))
    assert set(services) - {"prometheus", "grafana"} <= known

    mounts = {target: ROOT / source for service in ("prometheus", "grafana") for source, target in
              (volume.split(":")[:2] for volume in services[service]["volumes"]) if source.startswith("./")}

    def on_host(path):
        return next(source / pathlib.PurePosixPath(path).relative_to(target) for target, source in mounts.items() if pathlib.PurePosixPath(path).is_relative_to(target))
    assert on_host(next(word for word in services["prometheus"]["command"] if word.startswith("--config.file=")).split("=")[1]) == SCRAPE
    assert on_host(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]) == DASHBOARD
    assert on_host("/etc/grafana/provisioning/datasources").is_dir()
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/prompt2pic.yaml").read_text())["providers"]
    assert on_host(provider["options"]["path"]) == DASHBOARD.parent
    (source,) = yaml.safe_load((PROVISIONING / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert f"P2P_HEALTH_LISTEN=0.0.0.0:{scrape_jobs()['bot']['dns_sd_configs'][0]['port']}" in (ROOT / "Dockerfile").read_text()
    for name, job in scrape_jobs().items():
        assert job["dns_sd_configs"][0]["names"] == [name] and name in known


def scrape_jobs():
    return {job["job_name"].removeprefix("prompt2pic-"): job for job in yaml.safe_load(SCRAPE.read_text())["scrape_configs"]}


# --- a real Prometheus

class Prometheus:
    """Prometheus with the rules, which scrapes the services every second."""

    def __init__(self, folder, service):
        config = yaml.safe_load(SCRAPE.read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(RULES)]
        for job in config["scrape_configs"]:
            port = service.health_ports[job["job_name"].removeprefix("prompt2pic-")]
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "test"}}]
        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = Process("prometheus", folder, [PROGRAMS / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                                      f"--web.listen-address={self.url[7:]}", "--log.level=warn"]).start()
        wait_for(lambda: fetch(self.url + "/-/ready")[0] == 200, 30, f"Prometheus answers; {self.process.log}")

    def get(self, path, **query):
        status, body = fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, (path, query, body)
        return json.loads(body)["data"]

    def values(self, expression):
        return [float(series["value"][1]) for series in self.get("query", query=expression)["result"]]


@pytest.fixture(scope="module")
def monitored(tmp_path_factory):
    """Bot, API and worker, watched by Prometheus, after requests that succeed and requests that fail."""
    from api_caller import KEYS, Caller
    from bot_api import BotApi
    from servers import Kafka, Minio
    folder = tmp_path_factory.mktemp("monitoring")
    kafka, minio, telegram = Kafka(folder / "kafka").start(), Minio(folder / "minio").start(), BotApi().start()
    service = Service(folder / "service", telegram, kafka, minio, P2P_API_KEYS=",".join(KEYS), P2P_USER_QUEUE=2, P2P_API_WAIT=1, P2P_FLAT_MS=300)
    service.start("worker", P2P_FLAT_MS=20_000, P2P_DRAW_WITHIN=5), service.start("bot"), service.start("api")
    prometheus = Prometheus(folder / "prometheus", service)
    caller = Caller(service)

    failed = caller.ask()[2]["id"]  # drawn for too long
    assert caller.settled(failed)["error"]["code"] == "too_long"
    assert caller.call("POST", "/v1/images/generations", {"prompt": "a fox"})[0] == 504  # P2P_API_WAIT
    statuses = [caller.ask()[0] for _ in range(6)]
    assert 202 in statuses and 429 in statuses
    assert caller.call("GET", "/v1/requests/none")[0] == 404
    service.processes["worker"].stop()
    service.start("worker")
    limited = limit_memory(service.processes["worker"].process.pid, 4096)

    telegram.fail("sendMessage", 429, retry_after=1)
    telegram.blocked.add(7002)
    for chat in (7001, 7002):
        telegram.send_text("a cat", chat=chat)
    message = telegram.wait_picture(7001)
    telegram.press(message, "Again")
    telegram.wait_picture(7001, 2)
    for _ in range(9):
        telegram.send_text("a dog", chat=7003)
    kafka.produce("prompt2pic.requests.flat", b"not JSON", key="unreadable")
    wait_for(lambda: caller.ask("a fox", prefer="wait=30")[0] == 200, 60, "a picture from the API")
    yield service, prometheus, limited
    for part in (prometheus.process, *service.processes.values()):
        part.stop()
    kafka.stop(), minio.stop(), telegram.stop()


def of_all(expression):
    """The query of a panel with all values of the variables."""
    for variable, value in (("$__rate_interval", "1m"), ("$namespace", ".*"), ("$model", ".*")):
        expression = expression.replace(variable, value)
    return expression


def served(service):
    return {name: fetch(service.health(name, "/metrics"))[1] for name in ("bot", "api", "worker")}


def without_limit(limited):
    """A service has this metric only in a cgroup (v2) with a memory limit, which this machine may not permit."""
    return set() if limited and pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists() else {"prompt2pic_memory_limit_bytes"}


def test_metrics_of_alerts_and_panels_are_served(monitored):
    service, _, limited = monitored
    used = metrics_in(json.dumps([panel["targets"] for panel in panels()])) | set().union(*(metrics_in(rule["expr"]) for rule in alerts().values()))
    missing = used - without_limit(limited)
    wait_for(lambda: not (missing := used - without_limit(limited) - metrics_in("\n".join(served(service).values()))), 20, f"metrics: {missing}")


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_panel_shows_data(monitored, panel):
    _, prometheus, limited = monitored
    for target in panel["targets"]:
        expression = of_all(target["expr"])
        assert "$" not in expression
        if not metrics_in(expression) & without_limit(limited):
            wait_for(lambda: any(map(math.isfinite, prometheus.values(expression))), 30, expression)


def test_variables_have_values(monitored):
    _, prometheus, _ = monitored
    found = {}
    for variable in dashboard()["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        found[variable["name"]] = prometheus.get(f"label/{label}/values", **{"match[]": of_all(metric)})
    assert found == {"namespace": ["test"], "model": ["flat"]}


def test_prometheus_evaluates_the_rules(monitored):
    _, prometheus, _ = monitored

    def rules():
        return {rule["name"]: rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]}
    wait_for(lambda: all(rule["health"] == "ok" for rule in rules().values()), 20, "the rules are evaluated")
    assert rules().keys() == alerts().keys()
    assert [rule["lastError"] for rule in rules().values() if "lastError" in rule] == []


def test_process_metrics_are_those_of_the_process(monitored):
    service, _, _ = monitored
    pid = service.processes["bot"].process.pid
    values = {}
    for line in served(service)["bot"].splitlines():
        if line.startswith(("process_", "prompt2pic_build_info")):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    program = run(BINARY, "--version").split()[1]
    assert values[f'prompt2pic_build_info{{version="{program}"}}'] == 1
    status = dict(re.findall(r"^(\w+):\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
    assert values["process_resident_memory_bytes"] == pytest.approx(int(status["VmRSS"]) << 10, rel=0.2)
    assert values["process_virtual_memory_bytes"] == pytest.approx(int(status["VmSize"]) << 10, rel=0.2)
    assert values["process_threads"] == pytest.approx(int(status["Threads"]), abs=2)
    assert values["process_open_fds"] == pytest.approx(len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())), abs=5)
    assert values["process_open_fds"] < values["process_max_fds"]
    assert time.time() - 3600 < values["process_start_time_seconds"] < time.time()
    assert 0 < values["process_cpu_seconds_total"] < 3600


def test_a_stopped_worker_is_noticed(monitored):
    service, prometheus, _ = monitored
    assert prometheus.values('ALERTS{alertname=~"Prompt2PicDown|Prompt2PicNoWorkers"}') == []
    assert prometheus.values("prompt2pic_ready") == [1, 1, 1]
    service.processes["worker"].stop()
    for alert in ("Prompt2PicDown", "Prompt2PicNoWorkers"):
        wait_for(lambda: prometheus.values(f'ALERTS{{alertname="{alert}",alertstate="pending"}}'), 20, f"{alert} is pending")
