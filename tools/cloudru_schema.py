#!/usr/bin/env python3
"""cloudru_schema.py REPOSITORY NAME...: prints the arguments of resources (and, as data.NAME, data sources) of cloud.ru's Terraform provider as JSON, read from the
provider's documentation: a clone of cloud-ru/evo-terraform. tests/deploy/cloudru_schema.json is its output."""

import json
import re
import subprocess
import sys


def git(repository, *words):
    return subprocess.run(["git", "-C", repository, *words], capture_output=True, text=True, check=True).stdout


def arguments(text):
    """By block, such as "" or "scale_policy.auto_scale": the kind (required, optional, read-only) of each argument."""
    text = text[text.index("## Schema"):]
    parts = re.split(r"\n### Nested Schema for `([^`]+)`", text)
    blocks = {}
    for name, body in zip(["", *parts[1::2]], parts[::2]):
        kind, fields = None, {}
        for line in body.splitlines():
            if heading := re.match(r"^(?:### )?(Required|Optional|Read-Only):?$", line.strip()):
                kind = heading[1].lower()
            elif (field := re.match(r"- `([^`]+)` \(", line)) and kind:
                fields[field[1]] = kind
        blocks[name] = fields
    return blocks


def main():
    repository, *names = sys.argv[1:]
    schema = {"documentation": git(repository, "rev-parse", "HEAD").strip()}
    for name in sorted(names):
        folder = "data-sources" if name.startswith("data.") else "resources"
        schema[name] = arguments(git(repository, "show", f"HEAD:reference/{folder}/{name.removeprefix('data.')}.md"))
    print(json.dumps(schema, indent=1))


if __name__ == "__main__":
    main()
