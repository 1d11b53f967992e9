"""Draws scenes and asks about them: shapes, colours, counts, places, numbers and words.

A scene is drawn on 192 x 192 pixels and stretched to what the tower reads by Pillow's bilinear filter, the very
resampling that g3 applies to a file.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 192
INPUT = 96
PATCH = 8
GRID = INPUT // PATCH

KINDS = ["circle", "square", "triangle", "star", "cross", "heart"]
PLURALS = {kind: kind + ("es" if kind == "cross" else "s") for kind in KINDS}
COLOURS = {
    "red": (222, 30, 38),
    "orange": (250, 140, 10),
    "yellow": (248, 222, 30),
    "green": (30, 160, 60),
    "blue": (35, 80, 225),
    "purple": (140, 50, 180),
    "brown": (120, 72, 36),
    "black": (20, 20, 22),
}
WORDS = (
    "cat dog sun moon tree fish bird book milk rain snow ship bear frog lion duck "
    "ball door fire hand king leaf nose road sand time wind wolf stop go yes no"
).split()
GLYPHS = "0123456789abcdefghijklmnopqrstuvwxyz"
PLACES = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1), "middle": (0, 0)}


@dataclass
class Scene:
    image: Image.Image
    """What is drawn, SIDE x SIDE."""
    topic: str
    """shapes, pair, number or word."""
    asked: list
    """Pairs of a question and its one right answer."""
    things: np.ndarray
    """Of each patch [GRID, GRID]: 0, 1 + kind, or 1 + 6 + glyph. What the tower is taught beside the answers."""
    tints: np.ndarray
    """Of each patch: 0 or 1 + colour."""
    centres: np.ndarray
    """1 in a patch where a shape has its centre."""


def pixels(image: Image.Image) -> np.ndarray:
    """u8 [3, INPUT, INPUT], as g3 stretches a file."""
    small = image.resize((INPUT, INPUT), Image.Resampling.BILINEAR)
    return np.asarray(small).transpose(2, 0, 1)


def outline(kind: str, x: float, y: float, r: float, turn: float):
    """Corners of a shape around (x, y)."""

    def ring(count, radius, start):
        steps = (start + 2 * math.pi * i / count for i in range(count))
        return [(x + radius(i) * math.sin(a), y - radius(i) * math.cos(a)) for i, a in enumerate(steps)]

    if kind == "circle":
        return ring(40, lambda i: r, 0)
    if kind == "square":
        return ring(4, lambda i: r * 1.15, turn + math.pi / 4)
    if kind == "triangle":
        return ring(3, lambda i: r * 1.2, turn)
    if kind == "star":
        return ring(10, lambda i: r * (1.2 if i % 2 == 0 else 0.5), turn)
    if kind == "cross":
        arm, c, s = 0.36, math.cos(turn), math.sin(turn)
        half = [(arm, 1), (arm, arm), (1, arm), (1, -arm), (arm, -arm), (arm, -1)]
        corners = half + [(-a, -b) for a, b in half]
        return [(x + 1.1 * r * (a * c - b * s), y + 1.1 * r * (a * s + b * c)) for a, b in corners]
    steps = (2 * math.pi * i / 40 for i in range(40))
    heart = ((16 * math.sin(a) ** 3, 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)) for a in steps)
    return [(x + r * 1.1 * a / 16, y - r * 1.1 * (b + 2.5) / 16) for a, b in heart]


@functools.cache
def font_of(size: int):
    return ImageFont.load_default(size)


class Canvas:
    """A picture and the labels of its patches."""

    def __init__(self, rng):
        base = rng.integers(222, 250)
        self.rng = rng
        self.image = Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in base + rng.integers(-6, 7, 3).clip(-9, 5)))
        self.things = np.zeros((GRID, GRID), np.int64)
        self.tints = np.zeros((GRID, GRID), np.int64)
        self.centres = np.zeros((GRID, GRID), np.float32)

    def paint(self, mask: Image.Image, tone, thing: int, tint: int):
        self.image.paste(tone, (0, 0), mask)
        covered = np.asarray(mask.resize((GRID, GRID), Image.Resampling.BOX)) > 30
        self.things[covered] = thing
        self.tints[covered] = tint

    def tone(self, colour: str):
        shade = np.array(COLOURS[colour]) * self.rng.uniform(0.92, 1.05) + self.rng.integers(-7, 8, 3)
        return tuple(int(v) for v in shade.clip(0, 255))

    def shape(self, kind: str, colour: str, x: float, y: float, r: float):
        mask = Image.new("L", (SIDE, SIDE))
        turn = self.rng.uniform(-0.2, 0.2)
        ImageDraw.Draw(mask).polygon(outline(kind, x, y, r, turn), fill=255)
        self.paint(mask, self.tone(colour), 1 + KINDS.index(kind), 1 + list(COLOURS).index(colour))
        cell = SIDE / GRID
        self.centres[int(y / cell), int(x / cell)] = 1

    def text(self, text: str, colour: str, size: int):
        font = font_of(size)
        left, top, right, bottom = font.getbbox(text)
        room_x, room_y = max(1, SIDE - 12 - (right - left)), max(1, SIDE - 12 - (bottom - top))
        x = 6 - left + self.rng.uniform(0.15, 0.85) * room_x
        y = 6 - top + self.rng.uniform(0.2, 0.8) * room_y
        tone, tint = self.tone(colour), 1 + list(COLOURS).index(colour)
        for i, glyph in enumerate(text):
            mask = Image.new("L", (SIDE, SIDE))
            ImageDraw.Draw(mask).text((x + font.getlength(text[:i]), y), glyph, fill=255, font=font)
            self.paint(mask, tone, 1 + len(KINDS) + GLYPHS.index(glyph), tint)


def pick(rng, options):
    return options[int(rng.integers(len(options)))]


def spread(rng, count: int, radius) -> list:
    """Places of shapes that do not touch: (x, y, r) each."""
    while True:
        placed = []
        for _ in range(60):
            r = radius()
            x, y = rng.uniform(1.25 * r + 2, SIDE - 1.25 * r - 2, 2)
            if all(math.hypot(x - a, y - b) > 1.2 * (r + c) + 4 for a, b, c in placed):
                placed.append((x, y, r))
            if len(placed) == count:
                return placed


def about_colour(rng, thing: str, be: str):
    which = pick(rng, ["What colour", "What color", "Which colour"])
    return f"{which} {be} {thing}?"


def ask_describe(rng):
    return pick(rng, ["Describe the image.", "What do you see?", "What is in the image?", "What is in this picture?", "What is this?"])


def ask_count(rng, things: str):
    return pick(rng, [f"How many {things} are there?", f"How many {things} do you see?", f"Count the {things}."])


def ask_exists(rng, held: list, all_of: list):
    named = pick(rng, held if rng.random() < 0.5 else [kind for kind in all_of if kind not in held])
    ask = pick(rng, ["Is there a {}?", "Do you see a {}?"])
    return ask.format(named), "yes" if named in held else "no"


def other(rng, kind: str):
    return pick(rng, [k for k in KINDS if k != kind])


def shapes(rng) -> Scene:
    """One to five shapes of one kind and colour; a single one lies at a place that can be named."""
    canvas, kind, colour, count = Canvas(rng), pick(rng, KINDS), pick(rng, list(COLOURS)), int(rng.integers(1, 6))
    asked = []
    if count == 1:
        place = pick(rng, list(PLACES))
        dx, dy = PLACES[place]
        r = rng.uniform(20, 34)
        x, y = (SIDE / 2 + d * 52 + rng.uniform(-9, 9) for d in (dx, dy))
        canvas.shape(kind, colour, x, y, r)
        thing, be, it = kind, "is", "it"
        where = pick(rng, [f"Where is the {kind}?", "Where is it?", f"On which side is the {kind}?"])
        asked.append((where, place))
    else:
        most = {2: 34, 3: 30, 4: 26, 5: 24}[count]
        for x, y, r in spread(rng, count, lambda: rng.uniform(17, most)):
            canvas.shape(kind, colour, x, y, r)
        thing, be, it = PLURALS[kind], "are", "they"
    asked += [
        (ask_count(rng, pick(rng, [PLURALS[kind], PLURALS[kind], "shapes"])), str(count)),
        (about_colour(rng, pick(rng, [f"the {thing}", it]), be), colour),
        (pick(rng, [f"What shape {be} {it}?", "Which shape is this?", "What shape do you see?"]), kind),
        (ask_describe(rng), f"{count} {colour} {thing}"),
        ask_exists(rng, [kind], KINDS),
    ]
    if rng.random() < 0.3:
        asked.append((ask_count(rng, PLURALS[other(rng, kind)]), "0"))
    return Scene(canvas.image, "shapes", asked, canvas.things, canvas.tints, canvas.centres)


def pair(rng) -> Scene:
    """Two shapes that differ in kind and colour, beside or above each other."""
    canvas = Canvas(rng)
    kinds = [KINDS[i] for i in rng.permutation(len(KINDS))[:2]]
    colours = [list(COLOURS)[i] for i in rng.permutation(len(COLOURS))[:2]]
    across = rng.random() < 0.5
    places = ["left", "right"] if across else ["top", "bottom"]
    asked = []
    for kind, colour, place in zip(kinds, colours, places):
        dx, dy = PLACES[place]
        r = rng.uniform(22, 36)
        x, y = (SIDE / 2 + d * 47 + rng.uniform(-7, 7) * (1 if d else 3) for d in (dx, dy))
        canvas.shape(kind, colour, x, y, r)
        at = f"on the {place}" if across else f"at the {place}"
        asked += [
            (about_colour(rng, f"the {kind}", "is"), colour),
            (pick(rng, [f"Where is the {kind}?", f"On which side is the {kind}?"]), place),
            (pick(rng, [f"What is {at}?", f"Which shape is {at}?"]), kind),
            (f"Which shape is {colour}?", kind),
            (about_colour(rng, f"the shape {at}", "is"), colour),
        ]
    seen = pick(rng, kinds + KINDS)
    asked += [
        (ask_count(rng, "shapes"), "2"),
        (ask_count(rng, PLURALS[seen]), "1" if seen in kinds else "0"),
        (ask_describe(rng), f"a {colours[0]} {kinds[0]} and a {colours[1]} {kinds[1]}".replace("a orange", "an orange")),
        ask_exists(rng, kinds, KINDS),
    ]
    return Scene(canvas.image, "pair", asked, canvas.things, canvas.tints, canvas.centres)


def number(rng) -> Scene:
    canvas, colour, text = Canvas(rng), pick(rng, list(COLOURS)), str(rng.integers(100) if rng.random() < 0.85 else rng.integers(10))
    canvas.text(text, colour, int(rng.integers(70, 110)))
    asked = [
        (pick(rng, ["What number is this?", "Which number do you see?", "Read the number."]), text),
        (pick(rng, ["What number is this?", "What number is it?", "What does it say?"]), text),
        (about_colour(rng, pick(rng, ["the number", "it"]), "is"), colour),
        (ask_describe(rng), f"the number {text}"),
    ]
    return Scene(canvas.image, "number", asked, canvas.things, canvas.tints, canvas.centres)


def word(rng) -> Scene:
    canvas, colour, text = Canvas(rng), pick(rng, list(COLOURS)), pick(rng, WORDS)
    canvas.text(text, colour, int(rng.integers(58, 76)))
    asked = [
        (pick(rng, ["What word is this?", "Which word do you see?", "Read the word."]), text),
        (pick(rng, ["What word is this?", "What does it say?"]), text),
        (about_colour(rng, pick(rng, ["the word", "it"]), "is"), colour),
        (ask_describe(rng), f"the word {text}"),
    ]
    return Scene(canvas.image, "word", asked, canvas.things, canvas.tints, canvas.centres)


def draw(rng) -> Scene:
    """A scene of one of the four topics."""
    return pick(rng, [shapes, shapes, pair, number, word])(rng)


def every_text() -> list:
    """All questions and answers there can be, nearly: what the tokenizer's cut has to spell as the whole one does."""
    rng = np.random.default_rng(0)
    seen = set()
    for make in (shapes, pair, number, word):
        for _ in range(700):
            for question, answer in make(rng).asked:
                seen.update((question, answer))
    return sorted(seen)
