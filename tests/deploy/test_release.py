"""The scripts with which the pipelines publish and deploy, with recording programs in place of podman, cosign, gh and, mostly, helm."""

import base64
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import threading
import time

import pytest
import yaml

from chart import HELM
from infra import ROOT, run

DIGEST = "sha256:" + "ab" * 32
RECORD = """#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
call = {"name": name, "words": words}
auth = pathlib.Path(os.environ.get("DOCKER_CONFIG", "/nonexistent"), "config.json")
if auth.exists():
    call["auth"] = json.loads(auth.read_text())
if "KUBECONFIG" in os.environ:
    call["kubeconfig"] = json.loads(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
    call["values"] = pathlib.Path(words[words.index("--values") + 1]).read_text()
    user = call["kubeconfig"]["users"][0]["user"]["exec"]
    call["credential"] = json.loads(subprocess.run([user["command"]], capture_output=True, text=True, check=True).stdout)
if "--digestfile" in words:
    pathlib.Path(words[words.index("--digestfile") + 1]).write_text(os.environ["DIGEST"])
if "--bundle" in words:
    pathlib.Path(words[words.index("--bundle") + 1]).write_text("{}")
with open(os.environ["CALLS"], "a") as file:
    print(json.dumps(call), file=file)
if name == "podman" and words[0] == "run":
    print('{"bomFormat": "CycloneDX"}')
sys.exit(name + " " + words[0] == os.environ.get("FAIL"))
"""


class Checkout:
    """A copy of the scripts with recording programs."""

    def __init__(self, folder):
        self.root, self.calls_file, self.cache = folder / "checkout", folder / "calls", folder / "cache"
        for name in ("tools", "deploy/helm/prompt2pic"):
            shutil.copytree(ROOT / name, self.root / name)
        shutil.copy(ROOT / "CMakeLists.txt", self.root)
        for name in ("podman", "gh", "cosign", "grype", "helm"):
            place = self.cache / name if name in ("cosign", "grype", "helm") else folder / "bin"
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(RECORD)
            (place / name).chmod(0o755)
        self.environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "P2P_BUILD_CACHE": str(self.cache), "CALLS": str(self.calls_file), "DIGEST": DIGEST,
                            "TMPDIR": str(folder)}

    def run(self, *command, **environment):
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, env={**self.environment, **environment})

    def must(self, *command, **environment):
        result = self.run(*command, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def calls(self):
        calls = [json.loads(line) for line in self.calls_file.read_text().splitlines()] if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return calls

    def built(self):
        """Files as tools/package and tools/image leave them."""
        for name in ("packages/prompt2pic_0.1.0_amd64.deb", "packages/SHA256SUMS", "image/image.cdx.json", "image/image.txt"):
            path = self.root / "build" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content of {path.name}\n")
        return "v" + next(line.split()[2] for line in (self.root / "CMakeLists.txt").read_text().splitlines() if line.startswith("project("))


class Server(http.server.ThreadingHTTPServer):
    """Records requests and answers with JSON: always the same, or what a function makes of the path."""

    def __init__(self, answer, certificate=None):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                requests.append((self.command, self.path, dict(self.headers), body))
                content = answer(self.path) if callable(answer) else answer
                self.send_response(content.get("code", 200))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            do_GET = do_PUT = do_POST = reply

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.address = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def server():
    servers = []
    yield lambda *arguments: servers.append(Server(*arguments)) or servers[-1]
    for each in servers:
        each.shutdown()
        each.server_close()


def token(seconds):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) + seconds}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


def test_image_is_built_scanned_pushed_and_signed_by_digest(checkout):
    checkout.must("tools/image", "build")
    archive = checkout.root / "build/image/image.tar"
    calls = [call["words"] for call in checkout.calls()]
    assert [words[0] for words in calls] == ["build", "build", "run", "save"] and all("VERSION=0.1.0" in words for words in calls[:2])
    assert json.loads((checkout.root / "build/image/image.cdx.json").read_text()) == {"bomFormat": "CycloneDX"}
    checkout.must("tools/image", "scan")
    [scan] = checkout.calls()
    assert scan["words"] == [f"docker-archive:{archive.relative_to(checkout.root)}", "--fail-on", "high", "--only-fixed"]
    checkout.must("tools/image", "push", "registry.example.org/some/prompt2pic:1.2.3", REGISTRY_USER="job", REGISTRY_TOKEN="short-lived")
    load, push, sign, attest = checkout.calls()
    assert push["words"][-2:] == ["prompt2pic", "docker://registry.example.org/some/prompt2pic:1.2.3"]
    image = f"registry.example.org/some/prompt2pic@{DIGEST}"
    assert sign["name"] == attest["name"] == "cosign" and sign["words"] == ["sign", "--yes", image] and attest["words"][-1] == image
    assert (checkout.root / "build/image/image.txt").read_text() == image + "\n"
    for call in (push, sign, attest):
        [(registry, entry)] = call["auth"]["auths"].items()
        assert registry == "registry.example.org" and base64.b64decode(entry["auth"]) == b"job:short-lived"
        assert "short-lived" not in " ".join(call["words"])
    assert not list(checkout.root.parent.glob("tmp.*")), "the credentials are deleted"


def test_a_vulnerable_image_and_a_failed_signature_fail(checkout):
    checkout.built()
    assert checkout.run("tools/image", "scan", FAIL="grype docker-archive:build/image/image.tar").returncode != 0
    (checkout.root / "build/image/image.txt").unlink()
    assert checkout.run("tools/image", "push", "registry.example.org/prompt2pic:1", FAIL="cosign sign").returncode != 0
    assert not (checkout.root / "build/image/image.txt").exists()


def test_release_on_github(checkout):
    tag = checkout.built()
    checkout.must("tools/release", tag, GH_TOKEN="job")
    sign, create = checkout.calls()
    folder = checkout.root / "build/packages"
    assert sign["words"][0] == "sign-blob" and sign["words"][-1] == "build/packages/SHA256SUMS"
    assert create["words"][:4] == ["release", "create", tag, "--verify-tag"]
    names = {pathlib.Path(word).name for word in create["words"] if word.startswith("build/")}
    assert names == {"prompt2pic_0.1.0_amd64.deb", "image.txt", "image.cdx.json", "SHA256SUMS", "SHA256SUMS.sigstore.json"}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    assert {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()} == names - {"SHA256SUMS", "SHA256SUMS.sigstore.json"}


def test_release_on_gitlab(checkout, server):
    tag, api = checkout.built(), server({})
    checkout.must("tools/release", tag, CI_API_V4_URL=f"{api.address}/api/v4", CI_PROJECT_ID="7", CI_JOB_TOKEN="job")
    *uploads, (method, path, headers, body) = api.requests
    base = f"/api/v4/projects/7/packages/generic/prompt2pic/{tag[1:]}/"
    assert all(each[0] == "PUT" and each[1].startswith(base) and each[2]["JOB-TOKEN"] == "job" for each in uploads)
    assert {"SHA256SUMS", "SHA256SUMS.sigstore.json", "image.txt"} < {each[1].removeprefix(base) for each in uploads}
    assert next(each[3] for each in uploads if each[1].endswith(".deb")) == b"content of prompt2pic_0.1.0_amd64.deb\n"
    release = json.loads(body)
    assert (method, path, headers["JOB-TOKEN"], release["tag_name"]) == ("POST", "/api/v4/projects/7/releases", "job", tag)
    assert {link["url"] for link in release["assets"]["links"]} == {api.address + each[1] for each in uploads}


def test_a_tag_of_another_version_is_refused(checkout):
    checkout.built()
    result = checkout.run("tools/release", "v9.9.9", GH_TOKEN="job")
    assert result.returncode == 1 and "the tag v9.9.9 is not v" in result.stderr and checkout.calls() == []


CLUSTER = {"SIGNER_IDENTITY": "https://example.org/pipeline@refs/tags/v1", "SIGNER_ISSUER": "https://example.org", "KUBE_SERVER": "https://kube.example.org:6443",
           "KUBE_CA": "a certificate", "HELM_VALUES": "demo: {enabled: true}"}


def test_deploy_on_github(checkout, server):
    value = token(300)
    issuer = server({"value": value})
    environment = {**CLUSTER, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.address}/token?version=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request", "KUBE_AUDIENCE": "https://kube"}
    checkout.must("tools/deploy", f"registry.example.org/some/prompt2pic@{DIGEST}", "--dry-run=server", **environment)
    verify, helm = checkout.calls()
    assert verify["words"] == ["verify", "--certificate-identity", CLUSTER["SIGNER_IDENTITY"], "--certificate-oidc-issuer", CLUSTER["SIGNER_ISSUER"],
                               f"registry.example.org/some/prompt2pic@{DIGEST}"]
    assert helm["words"][:4] == ["upgrade", "--install", "prompt2pic", "deploy/helm/prompt2pic"] and helm["words"][-1] == "--dry-run=server" and "--atomic" in helm["words"]
    assert f"image.registry=registry.example.org,image.repository=some/prompt2pic,image.digest={DIGEST}" in helm["words"]
    assert yaml.safe_load(helm["values"]) == {"demo": {"enabled": True}}
    [cluster] = helm["kubeconfig"]["clusters"]
    assert cluster["cluster"]["server"] == CLUSTER["KUBE_SERVER"] and base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"a certificate"
    status = helm["credential"]["status"]
    assert status["token"] == value
    assert abs(time.mktime(time.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime()) - 300) < 60
    [(_, path, headers, _)] = issuer.requests
    assert path == "/token?version=1&audience=https%3A%2F%2Fkube" and headers["Authorization"] == "Bearer request"


def test_deploy_on_gitlab(checkout):
    mine = token(600)
    checkout.must("tools/deploy", f"registry.example.org/some/prompt2pic@{DIGEST}", KUBE_TOKEN=mine, KUBE_NAMESPACE="pictures", KUBE_RELEASE="p2p", **{**CLUSTER, "KUBE_CA": ""})
    helm = checkout.calls()[-1]
    assert helm["credential"]["status"]["token"] == mine and helm["words"][2] == "p2p" and helm["words"][helm["words"].index("--namespace") + 1] == "pictures"
    assert "certificate-authority-data" not in helm["kubeconfig"]["clusters"][0]["cluster"]
    assert mine not in " ".join(helm["words"])


KINDS = {"v1": ["ServiceAccount", "Service", "PersistentVolumeClaim", "Secret", "Pod"], "apps/v1": ["Deployment"], "networking.k8s.io/v1": ["NetworkPolicy"], "policy/v1": ["PodDisruptionBudget"]}


def kubernetes(path):
    """What a Kubernetes API without releases answers to Helm's questions."""
    path = path.partition("?")[0]
    if path == "/version":
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        versions = [{"groupVersion": each, "version": "v1"} for each in KINDS if "/" in each]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": each["groupVersion"].split("/")[0], "versions": [each], "preferredVersion": each} for each in versions]}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version in KINDS:
        resources = [{"name": kind.lower().replace("policy", "policie") + "s", "kind": kind, "namespaced": True, "verbs": ["get", "create"]} for kind in KINDS[version]]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
    if path.endswith("/namespaces/prompt2pic/secrets"):
        return {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []}
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def test_helm_uses_the_jobs_token(checkout, server, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kube", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    (tmp_path / "both.pem").write_text(key.read_text() + certificate.read_text())
    (checkout.cache / "helm/helm").unlink()
    (checkout.cache / "helm/helm").symlink_to(HELM)
    mine, cluster = token(600), server(kubernetes, tmp_path / "both.pem")
    environment = {**CLUSTER, "KUBE_SERVER": cluster.address, "KUBE_CA": certificate.read_text(), "KUBE_TOKEN": mine}
    output = checkout.must("tools/deploy", f"registry.example.org/some/prompt2pic@{DIGEST}", "--dry-run=client", "--disable-openapi-validation", **environment)
    assert f"image: registry.example.org/some/prompt2pic@{DIGEST}" in output.replace('"', "")
    assert any("/namespaces/prompt2pic/secrets" in path for _, path, _, _ in cluster.requests)
    assert {headers.get("Authorization") for _, _, headers, _ in cluster.requests} == {f"Bearer {mine}"}


@pytest.mark.parametrize("image,environment,message", [
    (f"registry.example.org/prompt2pic@{DIGEST}", {"FAIL": "cosign verify"}, ""),
    ("registry.example.org/prompt2pic:latest", {}, "expected REGISTRY/REPOSITORY@sha256"),
    (f"registry.example.org/prompt2pic@{DIGEST}", {"SIGNER_IDENTITY": ""}, "SIGNER_IDENTITY must be set"),
])
def test_an_image_that_is_not_signed_or_not_pinned_is_not_deployed(checkout, image, environment, message):
    result = checkout.run("tools/deploy", image, **{**CLUSTER, "KUBE_TOKEN": token(600), **environment})
    assert result.returncode != 0 and message in result.stderr
    assert [call["name"] for call in checkout.calls()] in ([], ["cosign"])
