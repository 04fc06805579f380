#!/usr/bin/env python3
"""Makes tests/golden/prompts/: how prompts with weights are read, and what tiny text encoders make of them.

  prompts.py                                writes the committed fixtures
  prompts.py --strings 10000 --seed 7 -o FILE   writes a larger set; P2P_PROMPT_GOLDEN=FILE makes the test compare it
"""

import argparse
import json
import random
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

OUT = Path(__file__).resolve().parents[2] / "tests/golden/prompts"

# ---- The syntax of AUTOMATIC1111's web UI, from its documentation and its two patterns.
TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.0-9]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
BREAK = re.compile(r"\s*\bBREAK\b\s*", re.S)


def is_number(text):
    try:
        return abs(float(text)) <= 1000
    except ValueError:
        return False


def parse(prompt):
    """Sections of [text, weight]. None is a BREAK, which no bracket multiplies."""
    pieces, opened = [], {"(": [], "[": []}

    def multiply(start, factor):
        for piece in pieces[start:]:
            if piece:
                piece[1] *= factor

    at = 0
    while match := TOKEN.match(prompt, at):
        token, number = match.group(0), match.group(1)
        if number is not None and not (opened["("] and is_number(number)):
            token, number = ":", None
        at += len(token)
        if token.startswith("\\"):
            pieces.append([token[1:], 1.0])
        elif token in opened:
            opened[token].append(len(pieces))
        elif number is not None:
            multiply(opened["("].pop(), float(number))
        elif token == ")" and opened["("]:
            multiply(opened["("].pop(), 1.1)
        elif token == "]" and opened["["]:
            multiply(opened["["].pop(), 1 / 1.1)
        else:
            for i, part in enumerate(BREAK.split(token)):
                pieces += [None] * (i > 0) + [[part, 1.0]]
    for start in opened["("]:
        multiply(start, 1.1)
    for start in opened["["]:
        multiply(start, 1 / 1.1)

    sections = [[]]
    for piece in pieces:
        if piece is None:
            sections.append([])
        elif sections[-1] and sections[-1][-1][1] == piece[1]:
            sections[-1][-1][0] += piece[0]
        else:
            sections[-1].append(piece)
    return [[piece for piece in section if piece[0]] for section in sections]


FIXED = [
    "", " ", "a fox", "(word)", "((word))", "[word]", "[[word]]", "(word:1.2)", "a (red:1.3) fox BREAK on a [blue] field", "(a (b:1.5) c:0.5)",
    r"\(a\)", r"\[a\] \\ \x \ ", "\\", "(unclosed", "unopened)", "[unclosed", "unopened]", "((a)", "(a))", "(a]", "[a)", "([a)]", "(a:b)", "a:1.2)",
    "(a:)", "(a:1.2.3)", "(a:.5)", "(a:5.)", "(a:.)", "(a:+1.5)", "(a:-1)", "(a:+-1)", "(a: 1.5 )", "(a:1.5 b)", "(a:1e3)", "(a:99999999)",
    "(a:0)", "[a:1.5]", "(a:1.1)(b)", "(a)(b)", "(a)b(c)", "a()b", "a(\\)b", "a[(\\:2)]b", "()", "[]", "(:1.5)", ":", "::", "BREAK", "BREAK BREAK",
    "a BREAK", "BREAK a", "a BREAK BREAK b", "a  BREAK\n\tb", "aBREAK", "BREAKb", "a_BREAK", "a-BREAK-b", "BREAKBREAK BREAK", "break", "(BREAK)",
    "(a BREAK b:1.5)", "(a) BREAK (b)", "[a BREAK] b", "\\BREAK", "\u00e9BREAK", "\u00e9 BREAK\u00a0\u0436", "(\u043b\u0438\u0441\u0430:1.3) \U0001f98a",
    "(a:1.2)(b:1.2) (c:1.2)", "(((((((((((a)))))))))))", "[" * 30 + "a" + "]" * 30, "(" * 60 + "a:2)", "<lora:x:0.5> a",
]  # fmt: skip
PARTS = ["(", ")", "[", "]", "(", ")", ":", "\\", " ", "a", "b", "fox", "1.2", ":1.2)", ":0.5)", ": -1.5 )", ":+.5)", "BREAK", " BREAK ", "_", "\n", ".",
         "\u0436", "\u5b57", "\u00a0", "\U0001f98a", ",", "word", ":1.1)", "\\(", "\\)", "3"]  # fmt: skip


def strings(count, seed):
    rng = random.Random(seed)
    made = ["".join(rng.choice(PARTS) for _ in range(rng.randint(1, 30))) for _ in range(count - len(FIXED))]
    return [[text, parse(text)] for text in FIXED + made]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    (options.output or OUT / "strings.json").write_text(compact(strings(options.strings, options.seed)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
