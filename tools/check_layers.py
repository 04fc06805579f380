#!/usr/bin/env python3
"""Checks the includes under src/ against the tables below; --self-test checks the checker."""

import pathlib
import re
import sys

ENGINE_PARTS = ("engine/checkpoint", "engine/graph", "engine/text", "engine/sampling", "engine/image", "engine/models")

PLATFORM_PARTS = ("platform/metrics", "platform/messages", "platform/bus", "platform/bus/embedded", "platform/http", "platform/blob", "platform/db", "platform/telegram", "platform/hub")

# Without I/O, except the store.
CHAT_PARTS = ("services/chat/texts", "services/chat/store", "services/chat/presenter", "services/chat/conversation")

# A folder, and what it may include besides itself. The first that matches counts.
MAY_INCLUDE = {
    "base": (),
    "engine/checkpoint": ("base",),
    "engine/image": ("base",),
    "engine/graph": ("base", "engine/checkpoint"),
    "engine/models": ("base", "engine/checkpoint", "engine/graph"),
    "engine/text": ("base", "engine/checkpoint"),
    "engine/sampling": ("base", "engine/checkpoint"),
    "engine/pipelines": ("base", *ENGINE_PARTS),
    "engine/testing": ("base", "engine/checkpoint", "engine/graph", "engine/image"),
    "platform/metrics": ("base",),
    "platform/messages": ("base",),
    "platform/bus/embedded": ("base", "platform/bus", "platform/db"),
    "platform/bus": ("base",),
    "platform/http": ("base",),
    "platform/blob": ("base", "platform/http"),
    "platform/db": ("base",),
    "platform/telegram": ("base", "platform/http"),
    "platform/hub": ("base", "platform/http"),
    "services/requests": ("base", "platform/bus", "platform/blob", "platform/messages", "platform/metrics"),
    "services/dispatch": ("base", "platform/bus", "platform/messages", "platform/metrics", "services/requests"),
    "services/worker": ("base", "engine/pipelines", "engine/image", "platform/bus", "platform/blob", "platform/messages", "platform/metrics", "services/requests"),
    "services/chat/texts": ("base", "platform/telegram"),
    "services/chat/store": ("base", "platform/bus", "platform/db", "services/chat/texts", "services/requests"),
    "services/chat/presenter": ("base", "platform/messages", "platform/telegram", "services/chat/store", "services/chat/texts", "services/dispatch", "services/requests"),
    "services/chat/conversation": ("base", "platform/messages", "platform/telegram", "services/chat/presenter", "services/chat/store", "services/chat/texts"),
    "services/chat": ("base", "platform/bus", "platform/blob", "platform/db", "platform/messages", "platform/metrics", "platform/telegram", *CHAT_PARTS, "services/requests", "services/dispatch"),
    "services/api": ("base", "platform/blob", "platform/http", "platform/messages", "platform/metrics", "services/requests", "services/dispatch", "services/web"),
    "services/web": ("base",),
    "services/testing": ("base", "platform/bus", "platform/blob", "platform/telegram"),
    "config": ("base", "engine/pipelines", "platform/bus", "platform/blob", "platform/telegram", "platform/http", "platform/hub"),
    "app": ("base", *ENGINE_PARTS, "engine/pipelines", *PLATFORM_PARTS, "services/worker", "services/chat", *CHAT_PARTS, "services/api", "services/requests", "services/dispatch", "config"),
}

# Third-party libraries, by prefix of their headers, and the folders that may include them.
OWNERS = {
    "openvino/": ("engine/graph",),
    "unicode/": ("engine/text", "engine/image"),
    "png.h": ("engine/image", "engine/testing"),
    "jpeglib.h": ("engine/image",),
    "webp/": ("engine/image",),
    "nlohmann/": ("base",),
    "toml++/": ("config",),
    "CLI/": ("app",),
    "librdkafka/": ("platform/bus",),
    "curl/": ("platform/http",),
    "boost/": ("engine/sampling", "platform/http"),
    "openssl/": ("platform/blob", "platform/hub", "app"),
    "prometheus/": ("platform/metrics",),
    "sqlite3.h": ("platform/bus/embedded",),
    "soci/": ("platform/db", "services/chat/store"),
}
# Includes that are allowed in tests only, in any folder.
TEST_ONLY = ("gtest/", "gmock/", "base/testing/", "engine/testing/", "platform/bus/testing/", "services/testing/", "services/api/testing/", "services/chat/testing/", "services/dispatch/testing/", "app/testing/")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def folder_of(path):
    """The folder in the tables that contains `path` (relative to src/), or None."""
    return next((folder for folder in MAY_INCLUDE if path.startswith(folder + "/")), None)


def problems_of(path, text, exists):
    """Violations in the includes of the file `path` with the given text; `exists` says whether a file is in src/."""
    here = folder_of(path)
    if here is None:
        yield f"{path}: its folder is not in the table of tools/check_layers.py"
        return
    if path.endswith(".hpp") and "#pragma once" not in text:
        yield f"{path}: has no #pragma once"
    is_test = path.endswith(("_test.cpp", "_test.hpp")) or path.startswith(TEST_ONLY)
    for mark, name in INCLUDE.findall(text):
        if name.startswith(TEST_ONLY):
            if not is_test:
                yield f"{path}: {name} is for tests"
        elif mark == '"':
            there = folder_of(name)
            if not exists(name):
                yield f'{path}: "{name}" is no file of src/ (includes start there)'
            elif there != here and there not in MAY_INCLUDE[here]:
                yield f'{path}: {here} may not include "{name}"'
        else:
            for prefix, owners in OWNERS.items():
                if name.startswith(prefix) and here not in owners:
                    yield f"{path}: {here} may not include <{name}>; {', '.join(owners) or 'nothing'} may"


def cycle_in(table):
    """A folder that depends on itself, directly or not, or None."""
    def reaches(start, at, seen):
        for there in table[at]:
            if there == start or (there not in seen and reaches(start, there, seen | {there})):
                return True
        return False
    return next((folder for folder in table if reaches(folder, folder, frozenset())), None)


def self_test():
    files = ("base/error.hpp", "engine/pipelines/a.hpp", "engine/models/a.hpp", "app/a.hpp", "config/a.hpp")
    allowed = (
        ("base/a.cpp", '#include "base/error.hpp"\n#include <sys/mman.h>\n#include <vector>'),
        ("app/a.cpp", '#include "config/a.hpp"\n#include <CLI/CLI.hpp>'),
        ("engine/graph/a_test.cpp", "#include <gtest/gtest.h>\n#include <openvino/openvino.hpp>"),
        ("engine/models/a_test.cpp", '#include "engine/testing/golden.hpp"'),
        ("base/testing/a.hpp", "#pragma once\n#include <gtest/gtest.h>"),
        ("base/a.cpp", '// #include "app/a.hpp"'),
    )
    forbidden = (
        ("base/a.cpp", '#include "engine/models/a.hpp"'),
        ("engine/models/a.cpp", '#include "engine/pipelines/a.hpp"'),
        ("engine/pipelines/a.cpp", '#include "config/a.hpp"'),
        ("config/a.cpp", '#include "app/a.hpp"'),
        ("app/b.cpp", '#include "a.hpp"'),
        ("app/a.cpp", '  #  include <openvino/openvino.hpp>'),
        ("engine/pipelines/a.cpp", "#include <librdkafka/rdkafka.h>"),
        ("engine/checkpoint/a.cpp", "#include <curl/curl.h>"),
        ("platform/bus/a.cpp", '#include "engine/models/a.hpp"'),
        ("services/worker/a.cpp", "#include <librdkafka/rdkafka.h>"),
        ("base/a.hpp", "#pragma once\n#include <gtest/gtest.h>"),
        ("engine/models/a.cpp", '#include "engine/testing/golden.hpp"'),
        ("base/a.cpp", '#include "base/testing/temp_folder.hpp"'),
        ("base/a.hpp", "#include <vector>"),
        ("elsewhere/a.cpp", ""),
    )
    failures = [f"should be allowed: {p} {t!r}" for p, t in allowed if list(problems_of(p, t, files.__contains__))]
    failures += [f"should be refused: {p} {t!r}" for p, t in forbidden if len(list(problems_of(p, t, files.__contains__))) != 1]
    if cycle_in({"a": ("b",), "b": ("c",), "c": ("a",)}) is None:
        failures.append("a cycle is not seen")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        problems = self_test()
    else:
        src = pathlib.Path(__file__).resolve().parent.parent / "src"
        paths = sorted(path for path in src.rglob("*") if path.suffix in (".hpp", ".cpp"))
        problems = [problem for path in paths
                    for problem in problems_of(str(path.relative_to(src)), path.read_text(), lambda name: (src / name).is_file())]
        if not paths:
            problems = ["src/ has no files"]
        if folder := cycle_in(MAY_INCLUDE):
            problems.append(f"the table has a cycle through {folder}")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


sys.exit(main())
