import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "service"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Kubernetes API server that knows the resources of the operators that the chart uses."""
    from cluster import Cluster
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def schemas(tmp_path_factory):
    """The argument of kubeconform for JSON schemas of all resources, offline."""
    import schemas
    return schemas.location(tmp_path_factory.mktemp("schemas"))
