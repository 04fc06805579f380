"""A CLIP BPE tokenizer trained on the captions, in the format of published models."""

import json

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

LENGTH = 32
START, END = "<|startoftext|>", "<|endoftext|>"
SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # CLIP's


def write(folder, captions, merges=8000):
    bpe = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(
        captions,
        trainers.BpeTrainer(
            vocab_size=2 * len(letters) + merges, initial_alphabet=letters, end_of_word_suffix="</w>", show_progress=False
        ),
    )
    rules = [tuple(rule) for rule in json.loads(bpe.to_str())["model"]["merges"]]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(rule) for rule in rules] + [START, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, rules)]) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, **special}, indent=1) + "\n")


def encoded(tokenizer, texts):
    """Ids and mask, [B, LENGTH] each."""
    tokens = tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    return tokens.input_ids, tokens.attention_mask
