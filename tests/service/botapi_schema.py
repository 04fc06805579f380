"""Validation of requests by botapi.json (methods and objects of the Bot API 10.3, exported from aiogram 3.31)."""

import json
import pathlib

SCHEMA = json.loads((pathlib.Path(__file__).parent / "botapi.json").read_text())


def check_value(schema, value, where, files):
    """Problems of a JSON value; empty if it is valid. `files`: the names of uploaded parts."""
    if isinstance(schema, str):
        fits = {"Integer": lambda: isinstance(value, int) and not isinstance(value, bool), "String": lambda: isinstance(value, str),
                "Boolean": lambda: isinstance(value, bool), "True": lambda: value is True, "Float": lambda: isinstance(value, (int, float)),
                "InputFile": lambda: isinstance(value, str)}.get(schema)
        if fits is None:
            raise KeyError(schema)
        return None if fits() else f"{where}: {value!r} is no {schema}"
    if "anyOf" in schema:
        problems = [check_value(each, value, where, files) for each in schema["anyOf"]]
        return None if None in problems else next(iter(problems))
    if "array" in schema:
        if not isinstance(value, list):
            return f"{where}: {value!r} is no array"
        return next((p for i, v in enumerate(value) if (p := check_value(schema["array"], v, f"{where}[{i}]", files))), None)
    if "ref" in schema:
        if schema["ref"] in ("InputFile", "InputFileUnion"):
            return None if isinstance(value, str) else f"{where}: no file"
        if not isinstance(value, dict):
            return f"{where}: {value!r} is no {schema['ref']}"
        return check_fields(SCHEMA["objects"][schema["ref"]], value, where, files)
    return None if "const" in schema or "enum" in schema else f"{where}: the schema {schema} is not understood"


def check_fields(fields, given, where, files):
    for name in given:
        if name not in fields:
            return f"{where}: unknown {name}"
    for name, field in fields.items():
        if name not in given:
            if field["required"]:
                return f"{where}: {name} is missing"
        elif problem := check_value(field["type"], given[name], f"{where}.{name}", files):
            return problem
    return None
