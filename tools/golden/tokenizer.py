#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/ with transformers' CLIPTokenizer (transformers 5.23.0, tokenizers 0.23.3).

  tokenizer.py                                    writes the committed fixtures
  tokenizer.py --strings 10000 --seed 7 -o FILE   writes a larger set, which the test compares with P2P_TOKENIZER_GOLDEN=FILE
  tokenizer.py --code-points -o FILE              the same with every code point of Unicode
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
LARGE = ROOT / "tests/golden/tokenizer/large"  # of 4275 tokens, English and Russian
END, START = "<|endoftext|>", "<|startoftext|>"

BLOCKS = [
    (0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0x00, 0x1F), (0x7F, 0xA0), (0xA1, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F),
    (0x370, 0x3FF), (0x400, 0x4FF), (0x400, 0x4FF), (0x531, 0x58F), (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x74F), (0x898, 0x8FF),
    (0x900, 0x97F), (0x980, 0xDFF), (0xE00, 0xEFF), (0xF00, 0xFDA), (0x1000, 0x10FF), (0x1100, 0x11FF), (0x1680, 0x169C),
    (0x1AB0, 0x1ACE), (0x1C80, 0x1C8F), (0x1DC0, 0x1DFF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20FF),
    (0x2100, 0x218F), (0x2190, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xA640, 0xA69F), (0xA7C0, 0xA7FF), (0xAC00, 0xD7A3),
    (0xE000, 0xE010), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFE2F), (0xFF00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF),
    (0x16D40, 0x16EFF), (0x1D100, 0x1D1FF), (0x1D400, 0x1D7FF), (0x1E000, 0x1E95F), (0x1F000, 0x1FAFF), (0x1F3FB, 0x1F3FF),
    (0x20000, 0x2FA1F), (0xE0020, 0xE007F), (0x0, 0x10FFFF),
]  # fmt: skip
PHRASES = [
    END, START, END.upper(), "<|EndOfText|>", "<|StartOfText|>", "<|endoftext", "endoftext|>", "<||endoftext|>", "'s", "'t", "'re", "'ve",
    "'m", "'ll", "'d", "'S", "'LL", "\u2019s", "''", "don't", "WE'VE", "</w>", "<unk>", "  ", "\t\n\r\v\f", "\u00a0", "\u2028", "\u200b",
    "\u200d", "\ufeff", "\u180e", "\x1c\x1f", "\x85", "\0", "\u0130", "\u03a3\u03c2", "\u1e9e", "e\u0301", "a\u0323\u0307", "a\u0307\u0323",
    "\u1100\u1161\u11a8", "\u0f73\u0f71", "\u212b", "\u0958", "\U0001f469\u200d\U0001f4bb", "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f1e9\U0001f1ea", "#\ufe0f\u20e3", "\u0663\u0664", "\u0967\u0968", "\u2167", "\u00bd", "\u00b2", "1234567890",
    "a fox on a blue background", "\u043b\u0438\u0441\u0430 \u043d\u0430 \u0441\u0438\u043d\u0435\u043c \u0444\u043e\u043d\u0435",
    "\u9752\u3044\u80cc\u666f\u306e\u72d0", "UPPER case", "laughing", "\u0436\u0435\u043d\u0441\u043a\u0430\u044f", "!!!???", "...",
]  # fmt: skip


def is_text(code):
    return not 0xD800 <= code < 0xE000


def random_string(rng, most_parts):
    parts = []
    for _ in range(rng.randint(0, most_parts)):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(PHRASES))
        elif kind < 0.35:
            parts.append(" ")
        elif kind < 0.40:
            parts.append(rng.choice("abcdefgh\u0436\u5b57!\u0301") * rng.randint(1, 40))
        else:
            first, last = rng.choice(BLOCKS)
            parts.append("".join(chr(c) for c in (rng.randint(first, last) for _ in range(rng.randint(1, 6))) if is_text(c)))
    return "".join(parts)


def strings(rng, count, most_parts):
    fixed = ["", " ", "a", *PHRASES, f"a{END}b", f" {START} {END}{END}", f"!{END}!", "x" * 300, "!'s it's 'sit"]
    return fixed[: count // 2] + [random_string(rng, most_parts) for _ in range(count - min(len(fixed), count // 2))]


def byte_symbols():
    """GPT-2's alphabet: the character for every byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def small_vocabulary():
    """A vocabulary of another size, whose bytes above 0xEF are unknown and whose merges came from a few words."""
    symbols = [s for b, s in sorted(byte_symbols().items()) if b < 0xF0]
    vocabulary = ["!", *(s for s in symbols if s != "!"), *(s + "</w>" for s in symbols), START, END]
    merges = []
    for word in ["the", "a", "fox", "endoftext", "laughing", "hhhhhhhh"]:
        left = word[0] if len(word) > 1 else word + "</w>"
        for i in range(1, len(word)):
            right = word[i] + ("</w>" if i + 1 == len(word) else "")
            if f"{left} {right}" not in merges:
                merges.append(f"{left} {right}")
            left += right
            if left not in vocabulary:
                vocabulary.append(left)
    for left, right in [("h", "h"), ("hh", "hh"), ("l", "a"), ("e", "n</w>"), ("<", "|</w>"), ("|", "></w>")]:
        if f"{left} {right}" not in merges:
            merges.append(f"{left} {right}")
        if left + right not in vocabulary:
            vocabulary.append(left + right)
    return {t: i for i, t in enumerate(vocabulary)}, "#version: 0.2\n" + "\n".join(merges) + "\n"


def flags(content, **others):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **others}


def packed(content, **others):
    return {"__type": "AddedToken", **flags(content, **others)}


def configs():
    """Configs as they have been published, and some that use what is rare."""
    named = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    typed = {"bos_token": flags(START), "eos_token": flags(END), "unk_token": flags(END), "pad_token": END}
    config, special, added = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
    decoder = {"481": {**flags(START), "special": True}, "482": {**flags(END, normalized=False), "special": True}}
    yield {config: {"model_max_length": 9}}
    yield {config: {"model_max_length": 16, **named}, special: named}
    yield {config: {"model_max_length": 16, **{k: packed(v) if k != "pad_token" else v for k, v in named.items()}}, special: typed}
    yield {config: {"model_max_length": 16, **{k: packed(v) for k, v in named.items()}}}
    yield {config: {"model_max_length": 12, **named, "pad_token": "!"}, special: {**typed, "pad_token": "!"}}
    yield {config: {"model_max_length": 12, "added_tokens_decoder": decoder, **named}, special: typed}
    yield {config: {"model_max_length": 12, "added_tokens_decoder": {"0": {**flags("!"), "special": True}, **decoder}, **named, "pad_token": "!"}}
    yield {config: {"model_max_length": 16}, special: named, added: {"<cat>": 500, "<Dog>": 501, END: 482}}
    yield {config: {"model_max_length": 16, **{k: packed(v) for k, v in named.items()}}, added: {END: 482, "fox": 600}}
    yield {config: {"model_max_length": 16, **named, "additional_special_tokens": ["<cat>", packed("Dog", lstrip=True)]}}
    yield {config: {"model_max_length": 16, **named}, special: {**typed, "additional_special_tokens": ["<cat>", "fox"]}}
    yield {config: {"model_max_length": 16, **named, "unk_token": "!", "mask_token": packed("[MASK]", lstrip=True, rstrip=True)}}
    yield {config: {"model_max_length": 16, **named, "cls_token": packed("fox", single_word=True), "sep_token": "</s>"}}
    yield {config: {"model_max_length": 10, **named, "padding_side": "left", "truncation_side": "left"}}
    yield {config: {"model_max_length": 16, **named, "split_special_tokens": True}}
    yield {config: {"model_max_length": 2, "eos_token": packed("</s>", normalized=False), "extra_special_tokens": ["\u00c9"]}}


CONFIG_TEXTS = [
    "", "a the fox", f"a {END} b", f"A {END.upper()}B{START.upper()}", "<cat><CAT><Dog><dog> Dog  dog  Dog", "  [MASK]  [mask] [MASK][MASK] ",
    "fox foxes _fox fox\u0301 Fox", "</s></S>!", "\U0001f98a \U0001f98a\U0001f98a", "\u00e9 \u00c9 e\u0301 E\u0301", "laughing hhhhhhh hhhh endoftext",
]  # fmt: skip


def write_folder(folder, files):
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (Path(folder) / name).write_text(text, encoding="utf-8")


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_all(folder, texts):
    tokenizer = CLIPTokenizer.from_pretrained(str(folder))
    return [[t, tokenizer(t, add_special_tokens=False).input_ids] for t in texts]


def golden_configs(vocabulary, merges):
    cases = []
    for files in configs():
        with tempfile.TemporaryDirectory() as folder:
            write_folder(folder, {"vocab.json": vocabulary, "merges.txt": merges, **files})
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            padded = tokenizer(CONFIG_TEXTS, padding="max_length", max_length=tokenizer.model_max_length, truncation=True)
            plain = tokenizer(CONFIG_TEXTS, add_special_tokens=False)
            results = list(zip(CONFIG_TEXTS, plain.input_ids, padded.input_ids, [sum(m) for m in padded.attention_mask]))
            cases.append({"files": files, "texts": results, "size": len(tokenizer)})
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--code-points", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()

    vocabulary, merges = small_vocabulary()
    small_files = {"vocab.json": vocabulary, "merges.txt": merges, "tokenizer_config.json": {"model_max_length": 16}}
    rng = random.Random(options.seed)
    if options.code_points:
        texts = [f"a{chr(c)}\u0323{chr(c)}\u0301b 1{chr(c)}'s" for c in range(0x110000) if is_text(c)]
    elif options.strings:
        texts = strings(rng, options.strings, 12)
    else:
        texts = strings(rng, 210, 5)
    with tempfile.TemporaryDirectory() as small:
        write_folder(small, small_files)
        golden = {"large": encode_all(LARGE, texts), "small": encode_all(small, texts if options.output else texts[::4])}
    if options.output:
        options.output.write_text(compact(golden), encoding="utf-8")
        return
    folder = ROOT / "tests/golden/tokenizer"
    write_folder(folder, {"vocab.json": compact(vocabulary), "merges.txt": merges})
    for name, value in {"strings.json": golden, "configs.json": golden_configs(vocabulary, merges)}.items():
        (folder / name).write_text(compact(value) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
