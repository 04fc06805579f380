"""The rules of AUTOMATIC1111's prompt editing, written anew from its documentation and its grammar: a parser that tries and goes back.

Where the brackets of a prompt are not balanced, its own parser (lark's Earley parser of an ambiguous grammar) may choose differently in every
process; here each balanced form counts.
"""

import random
import re

WHEN = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\]")
PLAIN = re.compile(r"(?:[^\\\[\]():|]|\\.)+")


def form(text, at):
    """The tree of what the bracket at `at` opens and the place behind it, or None."""
    first, end = inside(text, at + 1)
    mark = text[end : end + 1]
    if text[at] == "(":
        parts = ["(", first]
        if mark == ":":
            second, end = inside(text, end + 1)
            parts += [":", second]
        return (("text", [*parts, ")"]), end + 1) if text[end : end + 1] == ")" else None
    if mark == "]":
        return ("text", ["[", first, "]"]), end + 1
    if mark == "|":
        options = [first]
        while text[end : end + 1] == "|":
            option, end = inside(text, end + 1)
            options.append(option)
        return (("turns", options), end + 1) if text[end : end + 1] == "]" else None
    if mark == ":":
        if when := WHEN.match(text, end + 1):
            return ("edit", ("text", []), first, when[1]), when.end()
        second, end = inside(text, end + 1)
        if text[end : end + 1] == ":" and (when := WHEN.match(text, end + 1)):
            return ("edit", first, second, when[1]), when.end()
    return None


def inside(text, at):
    parts = []
    while at < len(text):
        if text[at] in "([" and (found := form(text, at)):
            parts.append(found[0])
            at = found[1]
        elif text[at] not in "([" and (plain := PLAIN.match(text, at)):
            parts.append(plain[0])
            at = plain.end()
        else:
            break
    return ("text", parts), at


def tree_of(text):
    """None where the whole text is literal."""
    parts, at = [], 0
    while at < len(text):
        part, at = inside(text, at)
        parts.append(part)
        if at < len(text):
            if text[at] not in "()[]:":
                return None
            parts.append(text[at])
            at += 1
    return ("text", parts)


def last_step(number, steps):
    try:
        return min(steps, int(float(number) * steps if "." in number else float(number)))
    except OverflowError:
        return steps


def schedule(text, steps):
    """[[last step, text], ...]"""
    tree = tree_of(text)
    if tree is None:
        return [[steps, text]]
    ends = {steps}

    def collect(node):
        if isinstance(node, str):
            return
        if node[0] == "edit":
            ends.update(end for end in [last_step(node[3], steps)] if end >= 1)
        if node[0] == "turns":
            ends.update(range(1, steps + 1))
        for child in node[1] if node[0] != "edit" else node[1:3]:
            collect(child)

    def at(node, step):
        if isinstance(node, str):
            return node
        if node[0] == "turns":
            return at(node[1][(step - 1) % len(node[1])], step)
        if node[0] == "edit":
            return at(node[1] if step <= last_step(node[3], steps) else node[2], step)
        return "".join(at(child, step) for child in node[1])

    collect(tree)
    return [[end, at(tree, end)] for end in sorted(ends)]


def text_at(texts, evaluation):
    """Evaluations count from 0, and "until step 2" includes the evaluation 2."""
    return next((text for end, text in texts if evaluation <= end), texts[0][1])


PART = re.compile(r"(.*?)(?:\s*:\s*([-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+)))?\s*", re.S)


def split(prompt):
    """[[text, weight], ...] of the parts that AND joins."""
    parts = []
    for part in re.split(r"\bAND\b", prompt):
        text, weight = PART.fullmatch(part).groups()
        if weight is not None and abs(float(weight)) > 1000:
            text, weight = part.rstrip(), None
        parts.append([text, float(weight or 1)])
    return parts


def parts_of(prompt, steps):
    return [[weight, schedule(text, steps)] for text, weight in split(prompt)]


# ---- Prompts as people write them.
PROMPTS = [
    "a [cat:dog:0.5] in a hat", "a [cat:dog:12]", "a [cat::2] b", "a [cat:0.5] b", "[cat|dog] in a field", "[cat|dog|fox]", "a [red|] hat", "[|big|small] cat",
    "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]",
    "a [b:3]", "a [b: 3]", "a [[[b]]:2]", "[(a:2):3]", "a [b : c : 1] d", "a[b:[c:d:2]:1]e", "a [unbalanced", "a [b:.5] c", "[a|(b:1.1)]", "[fe|]male",
    "[fe|||]male", "[(cat:1.3):(dog:0.7):0.4] on a [red|blue] field", "a [cat:[dog:fox:6]:3]", "[[cat|dog]:fox:0.5]", "[cat:[dog|fox]:0.5]", "[a|[b|c]]",
    "((a [b:c:2]))", "(a [b:c:0.3]:1.2)", "[(a [b|c]:1.1):d:4]", "a [b:c:1.0]", "a [b:c:0.999]", "a [b:c:0]", "a [b:c:0.0]", "a [b:c:-1]", "a [b:c:-0.5]",
    "a [b:c:+2]", "a [b:c:1e1]", "a [b:c:1.e0]", "a [b:c:5.]", "a [b:c:99]", "a [b:c: 0.5 ]", "a [b:c:0.5x]", "a [b:c]", "a [b]", "a [[b]]", "a [b:c:d:2]",
    "a [:0.5]", "a [::0.5]", "a [b::0.5]", "a [:c:0.5]", "a [b:c:]", "a [b:c::]", "a [ : : 2 ]", "a \\[b:c:2\\]", "a [b\\:x:c:2]", "a [b\\|x|c]", "\\(a\\) [b:c:2]",
    "a (b|c)", "a | b", "a | [b:c:2]", "[a:b:2] c\\", "a\\\nb [c:d:2]", "(a", "a)", "a] [b:c:2]", "[b:c:2] a]", "a: [b:c:3] d", "a: b [b:c:3]", "((a][:b:c [d:3]",
    "a, [b:c:2], (d:1.2), e", "лиса [рыжая:белая:0.5] на снегу", "a [кот|пёс] \U0001f98a", "a [b|c:2]", "a [b:c|d:2]", "[a:b:2][c:d:3]", "[a:b:2] [c|d]",
    "a AND b", "a AND b :0.7", "a :1.2 AND b:0.8", "a AND b AND c", "a cat:1.5 AND a [dog:fox:0.5] :-0.5", "aAND b", "a ANDb", "a_AND b", "a AND_b", "a,AND,b", "AND",
    "AND a", "a AND", "a AND AND b", "a and b", "a :0.7", "a: 0.7", "at 10:30", "a (b:1.2)", "a (b:1.2) :0.5", "a [b:c:2] AND d", "[a AND b:c:2]", "a\nAND\nb :2\n",
    "a  :  .5  ", "a :5.", "a :1.5.2", "a :-3", "a :+3", "a -3", "a:", ":2", "a :1e3", "a :10000", "a AND b :0.5 AND c :0.25", "(a AND b:1.2)", "a BREAK b [c:d:2]",
    "masterpiece, best quality, 1girl, [long hair:short hair:0.4], (blue eyes:1.2), [smile|serious], outdoors",
    "photo of a [woman:man:0.3], [sitting|standing], (detailed face:1.1), [blurry background::0.8]", "a [sunny:rainy:10] day in [paris|rome|berlin]",
    "[oil painting:photo:5] of [a (red:1.2) barn:a [blue|green] barn:0.6]", "a (very [small:big:0.5] house:1.3), [night:day:0.25]", "  [a:b:2]  ", "",
]  # fmt: skip
PIECES = ["[", "]", "[", "]", "(", ")", ":", ":", "|", " ", "a", "b", "cat", "0.5", ":0.5]", ":3]", ": 2 ]", ":.5]", "::", "[a|b]", "[a:b:2]", "[a::3]", "(a:1.2)", "\\[",
          "\\]", "\\:", "\\|", "\\", "\n", "-1", "+2", "1e1", ".", "5", "\u0436", "\u00a0", "AND", " AND ", "[a:", "[b|", ":1.5", " :0.5"]  # fmt: skip


def strings(count, seed):
    rng = random.Random(seed)
    prompts = PROMPTS + ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 16))) for _ in range(count - len(PROMPTS))]
    rows = []
    for index, prompt in enumerate(prompts):
        steps = 10 if index < len(PROMPTS) else rng.choice([1, 2, 5, 8, 20])
        rows.append({"prompt": prompt, "steps": steps, "parts": parts_of(prompt, steps)})
    return rows
