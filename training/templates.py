"""Wordings of requests in both languages; repeated ones are more frequent."""

# {n}, {a}, {g}, {w}: the thing in the nominative, accusative and genitive, and with "with"; English things have {n}, {a} (with an article) and {s}.
ASKED_RU = ["{n}"] * 8 + """{n}
эмодзи {n}
картинка: {n}
рисунок: {n}
{n} эмодзи
эмодзи {g}
картинка {g}
картинку {g}
картинка {w}
картинку {w}
изображение {g}
рисунок {g}
рисунок {w}
иконка {g}
нарисуй {a}
нарисуй {a}
нарисуй {a}
нарисуй: {n}
нарисуй: {a}
нарисуйте {a}
нарисуй мне {a}
нарисуйте мне {a}
нарисуй нам {a}
нарисуй пожалуйста {a}
пожалуйста, нарисуй {a}
нарисуй картинку {w}
нарисуй картинку {g}
нарисуй одну {n}
рисуй {a}
хочу {a}
я хочу {a}
хочу увидеть {a}
хочу картинку {w}
хочу картинку {g}
мне нужна картинка {w}
покажи {a}
покажи мне {a}
покажи как выглядит {n}
изобрази {a}
сделай {a}
сделай мне {a}
сделай картинку {g}
сделай картинку {w}
сделай картинку: {n}
сделай мне картинку {w}
сделай изображение {g}
создай {a}
создай картинку {w}
создай изображение {g}
сгенерируй {a}
сгенерируй картинку {g}
сгенерируй изображение {g}
можешь нарисовать {a}
ты можешь нарисовать {a}
можно {a}
надо нарисовать {a}
нужно нарисовать {a}
давай {a}
дай {a}
это {n}""".split("\n")
ASKED_EN = ["{n}"] * 4 + ["{a}"] * 6 + """the {n}
{n} emoji
{s}
some {s}
picture of {a}
a picture of {a}
a picture of the {n}
image of {a}
an image of {a}
drawing of {a}
a drawing of {a}
icon of {a}
emoji of {a}
picture: {n}
draw {a}
draw {a}
draw {a}
draw {n}
draw the {n}
draw: {n}
draw me {a}
draw us {a}
draw a picture of {a}
draw a picture with {a}
please draw {a}
please draw me {a}
can you draw {a}
could you draw {a}
could you please draw {a}
paint {a}
sketch {a}
make {a}
make me {a}
make a picture of {a}
make a picture with {a}
make an image of {a}
create {a}
create a picture of {a}
create an image of {a}
generate {a}
generate an image of {a}
generate a picture with {a}
show {a}
show me {a}
show me a picture of {a}
give me {a}
i want {a}
i want a picture of {a}
i want to see {a}
i need {a}
i need a picture of {a}
i would like {a}
this is {a}""".split("\n")
# {q}: what ASKED says; {c}, {o}: the colour. The three that begin with the background are written with a plain name.
OVER_RU = """{q} на {o} фоне
{q} на {o} фоне
{q} на {o} фоне
{q}, на {o} фоне
{q} на {o}
{q}, {c} фон
{q}, фон {c}
{q}. фон {c}
{q} и {c} фон
{q}, сделай фон {c}
{q}, а фон {c}
{q} {c} фон
на {o} фоне {q}
на {o} фоне, {q}
{c} фон, {q}
фон {c}, {q}
{c} фон и {n}
{q}, фон: {c}""".split("\n")
OVER_EN = """{q} on a {c} background
{q} on a {c} background
{q} on a {c} background
{q}, {c} background
{q}, on a {c} background
{q} on {c} background
{q} on {c}
{q} with a {c} background
{q} with {c} background
{q} against a {c} background
{q} over {c}
{q} and a {c} background
{q}, background {c}
{q}. {c} background
{q}, make the background {c}
on a {c} background, {q}
{c} background, {q}
{c} background with {a}
a {c} background with {a}""".split("\n")
END_RU = ["", "!", ".", ", пожалуйста", " пожалуйста", " плиз", " :)", "!!", "?"]
END_EN = ["", "!", ".", ", please", " please", " pls", " :)", "!!", "?"]

# {q} in a scene; {w}: one of its own ways to say it; {c}, {o}: its name, as OVER has a colour's.
IN_RU = """{q} {w}
{q} {w}
{q} {w}
{q} {w}
{q}, {w}
{q} на фоне {o}
{q}, фон {c}
{q}, {c}
{w} {q}
{w}, {q}""".split("\n")
IN_EN = """{q} {w}
{q} {w}
{q} {w}
{q} {w}
{q}, {w}
{q}, {c} background
{q} on a {c} background
{q} with a {c} background
{q}, {c}
{w}, {q}""".split("\n")
STYLES_EN = {
    "3d": ["3d", "3d style", "in 3d", "3d render", "glossy style"],
    "flat": ["flat", "flat style", "in flat style", "flat design", "flat icon", "flat colours"],
    "outline": ["outline", "outline style", "line art", "in outline", "black and white", "colouring page", "coloring page", "line drawing"],
}
STYLES_RU = {
    "3d": ["3d", "3д", "в 3d", "объёмный стиль", "в объёмном стиле"],
    "flat": ["плоский стиль", "в плоском стиле", "плоская иконка", "плоский дизайн", "плоский рисунок"],
    "outline": ["контур", "контуром", "контурный рисунок", "чёрно-белый рисунок", "раскраска", "чёрно-белый контур", "линиями"],
}
PLACES_EN = {1: ["on the left", "at the left", "on the left side", "to the left"], 2: ["on the right", "at the right", "on the right side", "to the right"]}
PLACES_RU = {1: ["слева", "с левой стороны", "в левой части", "налево"], 2: ["справа", "с правой стороны", "в правой части", "направо"]}
SIZES_EN = {1: ["big", "large", "huge", "giant"], 2: ["small", "little", "tiny"]}
SIZES_RU = {1: ["большой", "огромный", "крупный"], 2: ["маленький", "крошечный", "мелкий"]}
BESIDE_EN = ["{0} and {1}"] * 5 + ["{0} with {1}", "{0} next to {1}", "{0} beside {1}", "{0} & {1}", "{0}, {1}", "{0} on the left, {1} on the right"]
BESIDE_RU = ["{0} и {1}"] * 5 + ["{0} {2}", "{0} рядом {2}", "{0}, {1}", "{0} вместе {2}", "слева {0}, справа {1}", "{0} слева, {1} справа"]
