import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "service"))


@pytest.fixture(scope="session")
def image():
    """The image, built from the Dockerfile."""
    import podman
    print(f"\nthe image was built in {podman.build_image():.0f} s")
    return podman.IMAGE


@pytest.fixture(scope="session")
def parts(image):
    """The images of the other components."""
    import podman
    podman.build_parts()
