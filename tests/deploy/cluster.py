"""A Kubernetes API server with etcd, without nodes and controllers: it validates and admits resources as in a cluster; pods do not run."""

import subprocess

import yaml

from chart import RESOURCES
from infra import CACHE, Process, free_port, run, wait_for

BIN = CACHE / "kubernetes"


class Cluster:
    def __init__(self, folder):
        self.folder, self.kubeconfig = folder, folder / "kubeconfig"
        run("openssl", "genrsa", "-out", folder / "accounts.key", "2048")
        run("openssl", "rsa", "-in", folder / "accounts.key", "-pubout", "-out", folder / "accounts.pub")
        (folder / "tokens.csv").write_text("test,admin,1,system:masters\n")
        clients, peers, port = (free_port() for _ in range(3))
        store, address = f"http://127.0.0.1:{clients}", f"https://127.0.0.1:{port}"
        self.etcd = Process("etcd", folder, [BIN / "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--listen-client-urls", store, "--advertise-client-urls", store,
                                             "--listen-peer-urls", f"http://127.0.0.1:{peers}"]).start()
        self.server = Process("kube-apiserver", folder, [
            BIN / "kube-apiserver", f"--etcd-servers={store}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={folder}",
            f"--token-auth-file={folder}/tokens.csv", f"--service-account-issuer={address}", f"--service-account-signing-key-file={folder}/accounts.key",
            f"--service-account-key-file={folder}/accounts.pub", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
            "--allow-privileged=true",  # as clusters do: Pod Security decides
            "--disable-admission-plugins=ServiceAccount"]).start()  # it waits for a controller
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test", "users": [{"name": "admin", "user": {"token": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": address, "insecure-skip-tls-verify": True}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]}))
        wait_for(lambda: self.kubectl("get", "--raw", "/readyz")[0] == 0, 60, "the API server")
        for file in sorted(RESOURCES.glob("*.yaml")):
            self.must("apply", "--server-side", "--filename", file)
        self.must("wait", "--for=condition=established", "--timeout=60s", "crd", "--all")

    def kubectl(self, *arguments, documents=()):
        """Returns (exit code, output); `documents` are passed as --filename."""
        source = ["--filename=-"] if documents else []
        result = subprocess.run([BIN / "kubectl", f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.folder}/cache", *map(str, arguments), *source], capture_output=True,
                                text=True, input=yaml.safe_dump_all(documents))
        return result.returncode, result.stdout + result.stderr

    def must(self, *arguments, documents=()):
        code, output = self.kubectl(*arguments, documents=documents)
        assert code == 0, output
        return output

    def apply(self, documents):
        """Server-side apply, in which unknown and repeated fields are errors. Returns (exit code, output)."""
        return self.kubectl("apply", "--server-side", "--validate=strict", documents=documents)

    def namespace(self, name, **labels):
        self.must("apply", "--server-side", documents=[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}])

    def stop(self):
        self.server.stop(90)
        self.etcd.stop()
