"""The pipelines of GitHub and GitLab: checked by actionlint and by GitLab's schema; and the scripts that they run."""

import re
import shutil
import subprocess

import pytest
import yaml

from chart import VENV
from infra import CACHE, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
# Commands that are not scripts of the repository.
OTHERS = ["apt-get -qq update && apt-get -qq install -y --no-install-recommends git ca-certificates", 'git config --global --add safe.directory "$PWD"',
          'gh release download "$TAG" --pattern image.txt --dir build']


def actionlint(*files):
    result = subprocess.run([CACHE / "actionlint/actionlint", "-no-color", *files], capture_output=True, text=True, cwd=ROOT)
    return result.stdout + result.stderr


def gitlab_problems(file):
    check = [VENV / "bin/check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", file]
    result = subprocess.run(check, capture_output=True, text=True)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def jobs():
    """(file, name, job) of every job of both pipelines."""
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield path.name, name, job
    for name, job in yaml.safe_load(GITLAB.read_text()).items():
        if isinstance(job, dict) and "script" in job:
            yield GITLAB.name, name, job


def commands():
    """(file, command) of every command of both pipelines."""
    for file, _, job in jobs():
        for step in job.get("steps", []):
            if "run" in step:
                yield file, step["run"]
        for command in job.get("script", []):
            yield file, command
    for command in yaml.safe_load(GITLAB.read_text())["default"]["before_script"]:
        yield GITLAB.name, command


def lanes(file):
    for _, name, job in (each for each in jobs() if each[0] == file and each[1] == "test"):
        if "strategy" in job:
            return " ".join(each["lanes"] for each in job["strategy"]["matrix"]["include"]).split()
        return " ".join(job["parallel"]["matrix"][0]["LANES"]).split()


def test_github_workflows_are_valid():
    assert actionlint(*WORKFLOWS) == ""


@pytest.mark.parametrize("right,wrong,finding", [
    ("needs: [ci, package]", "needs: [ci, packages]", 'needs job "packages" which does not exist'),
    ("github.actor", "github.actr", 'property "actr" is not defined'),
    ("id-token: write", "id-tokens: write", 'unknown permission scope "id-tokens"'),
    ('run: tools/release "$GITHUB_REF_NAME"', "run: tools/release $GITHUB_REF_NAME", "SC2086"),
])
def test_an_error_in_a_workflow_is_found(tmp_path, right, wrong, finding):
    for path in WORKFLOWS:
        shutil.copy(path, tmp_path)
    file = tmp_path / "release.yml"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    assert finding in actionlint(file)


def test_the_gitlab_pipeline_is_valid():
    assert gitlab_problems(GITLAB) == ""


@pytest.mark.parametrize("right,wrong", [("when: manual", "when: manually"), ("stage: publish", "stages: publish"), ("aud: sigstore", "audience: sigstore"), ("container:\n", "image:\n")])
def test_an_error_in_the_gitlab_pipeline_is_found(tmp_path, right, wrong):
    text = GITLAB.read_text()
    assert right in text
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(text.replace(right, wrong))
    assert gitlab_problems(file) != ""


def test_actions_of_others_are_pinned_by_hash():
    uses = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line and "uses: ./" not in line]
    assert len(uses) > 5
    assert [line for line in uses if not re.fullmatch(r"(- )?uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_permissions_are_least_and_no_secret_is_used():
    for path in WORKFLOWS:
        text = path.read_text()
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}, path
        assert "secrets." not in text and "secrets:" not in text, path
    writes = {(file, name, scope) for file, name, job in jobs() for scope, value in job.get("permissions", {}).items() if value == "write"}
    assert writes == {("release.yml", "publish", "contents"), ("release.yml", "publish", "packages"), ("release.yml", "publish", "id-token"),
                      ("release.yml", "deploy", "id-token"), ("deploy.yml", "deploy", "id-token")}
    tokens = {name for _, name, job in jobs() if "id_tokens" in job}
    assert tokens == {"publish", "deploy"}


def test_a_deployment_needs_an_approval():
    gitlab = yaml.safe_load(GITLAB.read_text())["deploy"]
    assert gitlab["environment"] == "production" and [rule["when"] for rule in gitlab["rules"]] == ["manual"]
    assert yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]["deploy"]["environment"] == "production"


def test_both_run_every_lane_of_the_test():
    default = re.search(r"\|\| lanes=\((.*)\)", (ROOT / "test").read_text()).group(1).split()
    assert default == "check unit e2e service page engine threads engine-only fuzz-short newcomer-short".split()
    for file in ("ci.yml", GITLAB.name):
        assert sorted(lanes(file)) == sorted([*default, "deploy"]), file


def test_commands_are_scripts_of_the_repository():
    scripts = {}
    for file, command in commands():
        found = re.match(r"(P2P_BUILD_CACHE=\$PWD/build/cache )?(\./test|tools/\w+)( \w+)*", command)
        assert found or command in OTHERS, (file, command)
        if found:
            scripts.setdefault("gitlab" if file == GITLAB.name else "github", set()).add(found.group(0).removeprefix(found.group(1) or ""))
    assert scripts["github"] == scripts["gitlab"]
    for script in {each.split()[0] for each in scripts["github"]}:
        assert (ROOT / script).stat().st_mode & 0o111
    shell = [ROOT / "tools" / name for name in ("image", "release", "deploy", "package", "setup_go", "registry.sh")]
    checked = subprocess.run(["shellcheck", "-x", *shell], capture_output=True, text=True, cwd=ROOT)
    assert checked.returncode == 0, checked.stdout
