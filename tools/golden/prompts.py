#!/usr/bin/env python3
"""Writes tests/golden/prompts/: parsed prompts with weights, and their encodings by tiny text encoders.

  prompts.py                                writes the committed fixtures
  prompts.py --strings 10000 --seed 7 -o FILE   writes a larger set, which the test compares with P2P_PROMPT_GOLDEN=FILE
  prompts.py --schedules 10000 --seed 7 -o FILE   the same for editing, alternation and AND, with P2P_SCHEDULE_GOLDEN=FILE
"""

import argparse
import json
import random
import re
from pathlib import Path
from types import SimpleNamespace

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.loaders import TextualInversionLoaderMixin
from safetensors.torch import load_file, save_file
from schedules import strings as schedule_strings
from tokenizer import END, START, small_vocabulary, write_folder
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

# diffusers' clip_skip asks for a part that transformers 5 has merged with its whole.
CLIPTextModel.text_model = property(lambda model: model)
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


# ---- Tiny text encoders. Lengths of 16: a chunk takes 14 tokens.
def make_tokenizer(folder, pad):
    vocabulary, merges = small_vocabulary()
    named = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    files = {"vocab.json": compact(vocabulary), "merges.txt": merges, "tokenizer_config.json": {"model_max_length": 16, **named}}
    folder.mkdir(parents=True, exist_ok=True)
    write_folder(folder, files)
    return CLIPTokenizer.from_pretrained(folder)


def make_encoder(kind, folder, seed, **config):
    """Random weights that halves hold exactly; norms far from 1 and 0, so that the mean of the states is not 0."""
    torch.manual_seed(seed)
    model = kind(CLIPTextConfig(vocab_size=512, max_position_embeddings=16, num_attention_heads=2, **config))
    for name, weight in model.named_parameters():
        weight.data.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.1, 0.4)
    model.half().save_pretrained(folder)
    return kind.from_pretrained(folder, dtype=torch.float32).eval()


def make_models():
    end_id = small_vocabulary()[0][END]
    old = dict(hidden_size=8, intermediate_size=12, hidden_act="quick_gelu", num_hidden_layers=2)
    new = dict(hidden_size=12, intermediate_size=20, hidden_act="gelu", num_hidden_layers=3)
    sd, masked, xl = OUT / "sd", OUT / "masked", OUT / "xl"
    models = {
        "sd": SimpleNamespace(
            tokenizer=make_tokenizer(sd / "tokenizer", END),
            text_encoder=make_encoder(CLIPTextModel, sd / "text_encoder", 1, eos_token_id=end_id, **old),
        ),
        "masked": SimpleNamespace(
            tokenizer=make_tokenizer(masked / "tokenizer", "!"),
            text_encoder=make_encoder(CLIPTextModel, masked / "text_encoder", 2, use_attention_mask=True, **new),
        ),
        "xl": SimpleNamespace(
            tokenizer=make_tokenizer(sd / "tokenizer", END),
            text_encoder=make_encoder(CLIPTextModel, xl / "text_encoder", 3, eos_token_id=2, **old),
            tokenizer_2=make_tokenizer(masked / "tokenizer", "!"),
            text_encoder_2=make_encoder(CLIPTextModelWithProjection, xl / "text_encoder_2", 4, eos_token_id=end_id, projection_dim=6, **new),
            config=SimpleNamespace(force_zeros_for_empty_prompt=True),
        ),
    }
    # Another second one: one layer, pooled at the largest id; and no zeros for an empty negative prompt.
    other = OUT / "xl2"
    models["xl2"] = SimpleNamespace(
        tokenizer=models["xl"].tokenizer,
        text_encoder=models["xl"].text_encoder,
        tokenizer_2=models["xl"].tokenizer_2,
        text_encoder_2=make_encoder(
            CLIPTextModelWithProjection, other / "text_encoder_2", 5, eos_token_id=2, projection_dim=5, **{**new, "num_hidden_layers": 1}
        ),
        config=SimpleNamespace(force_zeros_for_empty_prompt=False),
    )
    # As files written by old versions have them: "text_model." before all names, the positions, a projection that the class does not read.
    path = xl / "text_encoder/model.safetensors"
    tensors = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(path).items()}
    tensors["text_model.embeddings.position_ids"] = torch.arange(16)[None]
    tensors["text_projection.weight"] = torch.zeros(8, 8).half()
    save_file(tensors, path, {"format": "pt"})
    for model in models.values():
        model._execution_device = "cpu"
        model.unet = None
    return models


def encode_by_diffusers(model, prompt, negative):
    """[negative, prompt] as the pipelines make them of plain text, and the pooled ones."""
    if not hasattr(model, "text_encoder_2"):
        embeds = StableDiffusionPipeline.encode_prompt(model, prompt, "cpu", 1, True, negative or None)
        return torch.cat(embeds[::-1]), torch.zeros(0)
    embeds, without, pooled, pooled_without = StableDiffusionXLPipeline.encode_prompt(model, prompt, negative_prompt=negative or None)
    return torch.cat([without, embeds]), torch.cat([pooled_without, pooled])


class WithWords(TextualInversionLoaderMixin):
    """A model of make_models() that loads learned words."""

    hf_device_map, components = None, {}

    def __init__(self, model):
        self.__dict__.update(vars(model))


def learned_words(models):
    """Files in each layout, and what the pipelines make of prompts with their words."""
    folder = OUT / "words"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(6)
    files = {
        "one.safetensors": {"<Cat>": torch.randn(8)},
        "three.safetensors": {"<fox>": torch.randn(3, 8).half()},
        "style-1.safetensors": {"emb_params": torch.randn(2, 8)},
        "pair.safetensors": {"clip_l": torch.randn(2, 8), "clip_g": torch.randn(1, 12)},
    }
    for name, tensors in files.items():
        save_file(tensors, folder / name)
    sd, xl = WithWords(models["sd"]), WithWords(models["xl"])
    for name, token in [("one", None), ("three", None), ("style-1", "style-1")]:
        sd.load_textual_inversion(str(folder / f"{name}.safetensors"), token=token)
    pair = files["pair.safetensors"]
    xl.load_textual_inversion({"pair": pair["clip_l"]}, tokenizer=xl.tokenizer, text_encoder=xl.text_encoder)
    xl.load_textual_inversion({"pair": pair["clip_g"]}, tokenizer=xl.tokenizer_2, text_encoder=xl.text_encoder_2)
    words = [("sd", sd, "a <cat> and <fox>, style-1", "the <fox>"), ("sd", sd, "<fox>" * 6, ""), ("xl", xl, "pair a pair", "pair")]
    for i, (name, model, prompt, negative) in enumerate(words):
        yield {"model": name, "key": f"words/{i}", "prompt": prompt, "negative": negative}, encode_by_diffusers(model, prompt, negative)


BACKTRACK = 20


def chunks_of(tokenizer, prompt):
    """Lists of [id, weight], without start and end. A full chunk ends behind its last comma if that is near."""
    room, chunks, sections = tokenizer.model_max_length - 2, [], parse(prompt)
    (comma,) = tokenizer(",", add_special_tokens=False).input_ids
    for section in sections:
        tokens = [[i, weight] for text, weight in section for i in tokenizer(text, add_special_tokens=False).input_ids]
        if not tokens and section is sections[-1] and chunks:
            break
        remembers_first = True
        while len(tokens) > room:
            end = room
            commas = [i for i in range(0 if remembers_first else 1, room) if tokens[i][0] == comma and room - i <= BACKTRACK]
            if tokens[room][0] != comma and commas:
                end = commas[-1] + 1
            # A comma that begins a chunk because the one before was full is forgotten.
            remembers_first = not (end == room and tokens[room][0] == comma)
            chunks.append(tokens[:end])
            tokens = tokens[end:]
        chunks.append(tokens)
    return chunks


def states_of(output, encoder, penultimate, skip):
    """hidden_states[-skip] as AUTOMATIC1111's web UI counts: SD 1 and 2 with the final norm, SDXL without."""
    if skip is None:
        return output.hidden_states[-2] if penultimate else output.last_hidden_state
    if skip == 1 and not penultimate:
        return output.last_hidden_state
    assert skip > 1  # what is last in hidden_states depends on the version of transformers
    states = output.hidden_states[-skip]
    return states if penultimate else getattr(encoder, "text_model", encoder).final_layer_norm(states)


def encode_chunk(tokenizer, encoder, chunk, penultimate, skip=None):
    padding = tokenizer.model_max_length - 2 - len(chunk)
    ids = [tokenizer.bos_token_id, *(i for i, _ in chunk), tokenizer.eos_token_id, *[tokenizer.pad_token_id] * padding]
    mask = torch.tensor([[1] * (len(chunk) + 2) + [0] * padding])
    use_mask = not penultimate and getattr(encoder.config, "use_attention_mask", False)
    output = encoder(torch.tensor([ids]), attention_mask=mask if use_mask else None, output_hidden_states=True)
    states = states_of(output, encoder, penultimate, skip)
    if any(weight != 1 for _, weight in chunk):
        weights = torch.tensor([1.0, *(w for _, w in chunk), 1.0, *[1.0] * padding])
        weighted = states * weights[None, :, None]
        states = weighted * (states.mean() / weighted.mean())
    return states, getattr(output, "text_embeds", None)


def encode_by_chunks(model, prompt, negative, skip=None):
    pair = hasattr(model, "text_encoder_2")
    encoders = [(model.tokenizer, model.text_encoder)] + ([(model.tokenizer_2, model.text_encoder_2)] if pair else [])
    zeros = pair and not negative and model.config.force_zeros_for_empty_prompt
    prompts = [prompt] if zeros else [negative, prompt]
    split = [[chunks_of(tokenizer, text) for tokenizer, _ in encoders] for text in prompts]
    count = max(len(chunks) for text in split for chunks in text)
    embeds, pooled = [], []
    for text in split:
        columns = []
        for (tokenizer, encoder), chunks in zip(encoders, text):
            results = [encode_chunk(tokenizer, encoder, chunk, pair, skip) for chunk in chunks + [[]] * (count - len(chunks))]
            columns.append(torch.cat([states for states, _ in results], dim=1))
        embeds.append(torch.cat(columns, dim=-1))
        pooled.append(results[0][1] if pair else torch.zeros(1, 0))
    if zeros:
        embeds, pooled = [torch.zeros_like(embeds[0]), *embeds], [torch.zeros_like(pooled[0]), *pooled]
    return torch.cat(embeds), torch.cat(pooled)


LONG = "the fox laughing at a (blue:1.3) background, and [hhhhhhhh] \U0001f98a"
CASES = [
    ("", ""), ("a fox", ""), ("the fox, laughing", "a"), ("a (fox:1.4) and [the] ((a))", "(hhh:0.6)"), ("a BREAK the (fox)", ""), ("BREAK a", ""),
    ("a, the fox, laughing at a (blue:1.3) background and hhhh, the fox", ""), ("a, (b, the fox laughing at the fox laughing:0.8), blue, a", "a,"),
    ("the fox laughing at the fox laughing at the fox, a", ",,,,,,,,,,,,,,,,,,,"), ("a BREAK BREAK b BREAK", "fox"), (LONG, ""), ("fox", LONG), (f"{LONG} BREAK (fox)", LONG), ("(fox:0) a", "(fox:-1.5)"), ("(a:1)", "(:2)"),
]  # fmt: skip
SKIPS = [("a (fox:1.4)", "", 2), ("a fox", "a", 1), (LONG, "fox", 2), ("a fox, laughing", "the (fox:0.5)", 3)]
PLAIN = [("a (fox:1.4) BREAK [b]", ""), (LONG, "(a)"), ("", "")]


@torch.no_grad()
def encodings():
    torch.set_num_threads(1)
    cases, tensors = [], {}
    models = make_models()
    for name, model in models.items():
        layers = min(encoder.config.num_hidden_layers for encoder in [model.text_encoder, getattr(model, "text_encoder_2", model.text_encoder)])
        skips = [(p, n, False, s) for p, n, s in SKIPS if s <= layers and (s > 1 or not name.startswith("xl"))]
        for i, (prompt, negative, plain, skip) in enumerate([(*case, False, None) for case in CASES] + [(*case, True, None) for case in PLAIN] + skips):
            embeds, pooled = encode_by_diffusers(model, prompt, negative) if plain else encode_by_chunks(model, prompt, negative, skip)
            if not plain and parse(prompt) == [[[prompt, 1.0]]] and embeds.shape[1] == 16 and "(" not in negative and skip in (None, 1):
                torch.testing.assert_close(embeds, encode_by_diffusers(model, prompt, negative)[0])
            if name in ("sd", "masked") and skip and parse(prompt) == [[[prompt, 1.0]]] and embeds.shape[1] == 16 and "(" not in negative:
                skipped = StableDiffusionPipeline.encode_prompt(model, prompt, "cpu", 1, True, negative or None, clip_skip=skip - 1)
                torch.testing.assert_close(embeds[1:], skipped[0])  # diffusers leaves no layer out for the negative prompt
            tensors |= {f"{name}/{i}/embeds": embeds.contiguous(), f"{name}/{i}/pooled": pooled.contiguous()}
            cases.append({"model": name, "key": f"{name}/{i}", "prompt": prompt, "negative": negative, "plain": plain, **({"clip_skip": skip} if skip else {})})
    words = []
    for case, (embeds, pooled) in learned_words(models):
        tensors |= {f"{case['key']}/embeds": embeds.contiguous(), f"{case['key']}/pooled": pooled.contiguous()}
        words.append(case)
    (OUT / "words.json").write_text(compact(words) + "\n", encoding="utf-8")
    (OUT / "cases.json").write_text(compact(cases) + "\n", encoding="utf-8")
    save_file(tensors, OUT / "encodings.safetensors")


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=300)
    parser.add_argument("--schedules", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    if options.schedules:
        return options.output.write_text(compact(schedule_strings(options.schedules, options.seed)) + "\n", encoding="utf-8")
    if not options.output:
        encodings()
        lines = ",\n".join(compact(row) for row in schedule_strings(400, options.seed))
        (OUT / "schedules.json").write_text(f"[{lines}]\n", encoding="utf-8")
    (options.output or OUT / "strings.json").write_text(compact(strings(options.strings, options.seed)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
