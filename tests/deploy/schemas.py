"""JSON schemas for kubeconform: those of Kubernetes from the Python package kubernetes-validate, those of operators from their resource definitions."""

import json

import yaml

from chart import RESOURCES, VENV

VERSION = "1.36.0"


def closed(schema):
    """The schema, in which objects may not have unknown properties."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if "properties" in result and not result.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result


def location(folder):
    """Writes the schemas into the folder. Returns kubeconform's -schema-location."""
    [source] = VENV.glob(f"lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema/v{VERSION}-local-strict")
    for file in source.glob("*.json"):
        schema = json.loads(file.read_text())
        schema.pop("$id", None)
        (folder / file.name).write_text(json.dumps(schema).replace('"/api/_definitions.json', '"_definitions.json'))
    for file in RESOURCES.glob("*.yaml"):
        for definition in yaml.safe_load_all(file.read_text()):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                schema["properties"]["metadata"] = {"type": "object"}
                name = f"{spec['names']['kind']}-{spec['group'].split('.')[0]}-{version['name']}.json".lower()
                (folder / name).write_text(json.dumps(closed(schema)))
    return str(folder / "{{.ResourceKind}}{{.KindSuffix}}.json")
