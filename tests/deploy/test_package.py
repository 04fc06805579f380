"""The Debian package of tools/package: its content, its bill of materials, its checksums, and that its program works where it is unpacked."""

import json
import os
import re
import shutil
import subprocess

import pytest

from chart import VENV
from infra import ROOT, run

VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or ""))
"""


def text(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def sbom_problems(content):
    result = subprocess.run([VENV / "bin/python", "-c", VALIDATE], input=json.dumps(content), capture_output=True, text=True)
    return result.stderr.strip()


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "out"
    run(ROOT / "tools/package", folder, env={**os.environ, "MAINTAINER": "Somebody <somebody@example.org>"})
    return folder


@pytest.fixture(scope="module")
def deb(packages):
    [deb] = packages.glob("prompt2pic_*.deb")
    return deb


@pytest.fixture(scope="module")
def unpacked(deb, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "-x", deb, folder)
    return folder


@pytest.fixture(scope="module")
def sbom(packages):
    [file] = packages.glob("*.cdx.json")
    return json.loads(file.read_text())


def field(deb, name):
    return text("dpkg-deb", "-f", deb, name).strip()


def test_fields(deb):
    version = re.search(r"project\(prompt2pic VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert [field(deb, name) for name in ("Package", "Version", "Maintainer")] == ["prompt2pic", version, "Somebody <somebody@example.org>"]
    assert field(deb, "Description").startswith("pictures from words")
    depends = field(deb, "Depends")
    for name in ("ca-certificates", "libc6", "libssl3", "libcurl4"):
        assert re.search(rf"(^|, ){name}( |,|t64|$)", depends), depends
    assert "hwloc" not in depends and "tbb" not in depends, "they are in the package"


def test_the_unpacked_program_draws(unpacked, tmp_path):
    program = unpacked / "usr/bin/prompt2pic"
    paths = [line for line in text("readelf", "-d", program).splitlines() if "RPATH" in line or "RUNPATH" in line]
    assert len(paths) == 1 and paths[0].endswith("[$ORIGIN/../lib/prompt2pic]")
    picture = tmp_path / "fox.png"
    run(program, "generate", "a fox", "--output", picture, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert picture.read_bytes().startswith(b"\x89PNG")
    loaded = text("ldd", program)
    assert f"=> {unpacked}/usr/bin/../lib/prompt2pic/libopenvino.so" in loaded and "not found" not in loaded


def test_content(unpacked):
    documents = unpacked / "usr/share/doc/prompt2pic"
    assert (documents / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (documents / "NOTICE").exists() and (documents / "openvino/LICENSE").exists()
    assert (unpacked / "usr/share/prompt2pic/models/emoji/LICENSE").exists()
    assert {path.name for path in unpacked.iterdir()} == {"usr"}
    assert not list(unpacked.rglob("*.hpp")) and not list(unpacked.rglob("*.a")), "nothing for developers"


def test_checksums(packages):
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=packages)
    listed = {line.split()[1] for line in (packages / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in packages.iterdir()} - {"SHA256SUMS"}


def test_the_bill_of_materials_is_valid(sbom):
    assert sbom_problems(sbom) == ""
    assert "bomFormat" in sbom_problems({**sbom, "bomFormat": "other"})
    assert sbom_problems({**sbom, "components": [{"name": "x"}]}) != ""


def test_the_bill_of_materials_of_the_image_has_its_packages_too(unpacked, sbom, tmp_path):
    for path in unpacked.rglob("*"):
        if path.name == "prompt2pic" and path.is_file() or "lib/prompt2pic" in str(path.parent):
            shutil.copy(path, tmp_path)
    (tmp_path / "var/lib/dpkg/status.d").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status.d/ca-certificates").touch()
    image = json.loads(text(ROOT / "tools/sbom", tmp_path))
    assert {each["purl"] for each in image["components"]} - {each["purl"] for each in sbom["components"]} == {debian_purl("ca-certificates", image)}


def debian_purl(name, bill):
    [purl] = [each["purl"] for each in bill["components"] if each["name"] == name]
    assert purl.startswith(f"pkg:deb/debian/{name}@")
    return purl


def test_the_bill_of_materials_is_complete(sbom, deb):
    versions = {each["name"]: each["version"] for each in sbom["components"]}
    needed = {each.split()[0] for each in field(deb, "Depends").split(", ")} - {"ca-certificates"}
    assert needed <= set(versions)
    for name in needed | {"nlohmann-json3-dev", "libcli11-dev", "libtomlplusplus-dev", "libboost-dev"}:
        assert versions[name] in text("dpkg-query", "-W", "-f", "${Version}\n", name).splitlines()
    assert versions["openvino"] in (ROOT / "tools/openvino.txt").read_text()
    assert f"librdkafka-{versions['librdkafka']}-static" in (ROOT / "cmake/Dependencies.cmake").read_text()
    assert all(each["licenses"][0]["license"]["name"] for each in sbom["components"])


def test_a_folder_without_a_program_is_refused(tmp_path):
    result = subprocess.run([ROOT / "tools/sbom", tmp_path], capture_output=True, text=True)
    assert result.returncode == 1 and "no program" in result.stderr
