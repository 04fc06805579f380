"""deploy/terraform/cloudru against the provider's documentation: cloudru_schema.json holds the arguments that it lists, tools/cloudru_schema.py reads them."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import hcl2
import pytest

from infra import CACHE

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/terraform/cloudru"
SCHEMA = json.loads((pathlib.Path(__file__).parent / "cloudru_schema.json").read_text())
META = {"count", "for_each", "depends_on", "lifecycle", "provider"}


def plain(key):
    return key.strip('"')


def resources():
    for path in sorted(FOLDER.glob("*.tf")):
        with path.open() as file:
            content = hcl2.load(file)
        for prefix, kind in (("", "resource"), ("data.", "data")):
            for entry in content.get(kind, []):
                for name, instances in entry.items():
                    for instance, body in instances.items():
                        if plain(name).startswith("cloudru_"):
                            yield pytest.param(prefix + plain(name), body, id=f"{prefix}{plain(name)}.{plain(instance)}")


def problems(schema, block, given):
    """Unknown, missing and computed arguments of a block and of those within it."""
    known = schema[block]
    given = {plain(key): value for key, value in given.items() if not key.startswith("__")}
    for key, value in given.items():
        where = f"{block}.{key}" if block else key
        if key in META and not block:
            continue
        if key not in known:
            yield f"unknown: {where}"
        elif known[key] == "read-only":
            yield f"cannot be set: {where}"
        elif where in schema:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    yield from problems(schema, where, each)
    for key, kind in known.items():
        if kind == "required" and key not in given:
            yield f"missing: {f'{block}.{key}' if block else key}"


@pytest.mark.parametrize("name,body", list(resources()))
def test_arguments_are_those_of_the_documentation(name, body):
    assert list(problems(SCHEMA[name], "", body)) == []


def test_a_wrong_argument_is_found():
    schema = SCHEMA["cloudru_evolution_kafka_topic"]
    right = {"cluster_id": "a", "name": "b", "num_partitions": 1, "replication_factor": 1, "parameters": {}}
    assert list(problems(schema, "", right)) == []
    assert list(problems(schema, "", {**right, "partitions": 2})) == ["unknown: partitions"]
    del right["name"]
    assert list(problems(schema, "", right)) == ["missing: name"]
    pool = SCHEMA["cloudru_evolution_mk8s_node_pool"]
    assert "unknown: scale_policy.auto_scale.most" in problems(pool, "", {"scale_policy": {"auto_scale": {"most": 1}}})
    assert "cannot be set: zone" in problems(pool, "", {"zone": "x"})


def test_topics_are_those_of_the_services():
    text = (FOLDER / "kafka.tf").read_text()
    names = (ROOT / "src/platform/messages/messages.hpp").read_text()
    for topic in ("events", "control", "dead-letters", "models"):
        assert f'"prompt2pic.{topic}"' in text and f'"prompt2pic.{topic}"' in names
    assert "prompt2pic.requests." in text and "prompt2pic.requests." in names


@pytest.mark.parametrize("document", ["README.md", "README.ru.md"])
def test_documents_list_the_objects_that_each_service_needs(document):
    """As in compose.storage.sh."""
    needed = {}
    for account, objects in re.findall(r'^allow (\S+) "/([\w/]+\*)"', (ROOT / "compose.storage.sh").read_text(), re.M):
        needed.setdefault("prompt2pic-bot" if account == "prompt2pic" else account, set()).add(objects)
    text = (FOLDER / document).read_text()
    listed = {account: set(re.findall(r"`([\w/]+\*)`", objects)) for account, objects in re.findall(r"^ *\| `(prompt2pic-\w+)` \| (.+?) \|", text, re.M)}
    assert listed == needed and len(listed) == 3
    assert "`doctor/*`" in text


@pytest.fixture
def tofu(tmp_path_factory):
    """Runs tofu in a folder; returns exit code and output."""
    home = str(tmp_path_factory.mktemp("home"))

    def run(folder, *words):
        result = subprocess.run([CACHE / "tofu/tofu", f"-chdir={folder}", *words], capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": home})
        return result.returncode, result.stdout + result.stderr
    return run


def test_the_files_are_formatted(tofu, tmp_path):
    assert tofu(FOLDER, "fmt", "-check", "-recursive") == (0, "")
    (tmp_path / "x.tf").write_text('variable "x" {\ntype=string\n}\n')
    assert tofu(tmp_path, "fmt", "-check") == (3, "x.tf\n")


def test_tofu_misses_the_provider_alone(tofu, tmp_path):
    """Without the provider, which only its own registry has, the configuration is read and checked as far as names within it."""
    for path in FOLDER.glob("*.tf"):
        shutil.copy(path, tmp_path)
    code, text = tofu(tmp_path, "validate", "-no-color")
    assert code == 1 and set(re.findall(r"Error: (.*)", text)) == {"Missing required provider"}, text
    (tmp_path / "wrong.tf").write_text('output "a" {\n  value = 1\n}\noutput "a" {\n  value = 2\n}\n')
    assert "Duplicate output definition" in tofu(tmp_path, "validate", "-no-color")[1]


def test_no_secret_is_in_the_files():
    for path in FOLDER.glob("*"):
        text = path.read_text()
        assert "auth_secret " not in text or "var.auth_secret" in text
    variables = hcl2.loads((FOLDER / "variables.tf").read_text())["variable"]
    for entry in variables:
        for name, body in entry.items():
            if "secret" in name or "auth_key" in name:
                assert body.get("sensitive") is True and "default" not in body
