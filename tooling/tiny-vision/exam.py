"""Draws the held-out exam and lets the model sit it: `python exam.py CHECKPOINT FOLDER`.

held-out.png has 25 scenes a row, as the tower sees them; held-out.json the questions, the right answers and what
PyTorch says, greedily; logits.f32.bin the logits [8, vocab] that decide the first word of the first eight.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import draw
from packing import Packer
from weights import rounded

SEED, COUNT, COLUMNS, SPELT = 2_000_000, 500, 25, 8
EXAMPLES = 3_000_006
MOST_TOKENS = 14


def scenes() -> list:
    rng = np.random.default_rng(SEED)
    drawn = []
    for i in range(COUNT):
        scene = draw.draw(rng)
        scene.question, scene.answer = scene.asked[int(rng.integers(len(scene.asked)))]
        drawn.append(scene)
    return drawn


@torch.no_grad()
def answers(model, packer: Packer, asked: list):
    """Greedy answers, and the logits after each question."""
    said, logits = [], []
    for scene in asked:
        pixels = torch.from_numpy(draw.pixels(scene.image).copy())[None].float() / 127.5 - 1
        soft = model.projector(model.projector.pooled(model.eye(pixels)))
        before, told_at = packer.asked(scene.question, "", False)
        ids = packer.prefix + before[:told_at]
        start = len(ids)
        while len(ids) < start + MOST_TOKENS:
            at = torch.arange(len(ids))
            image = (at >= packer.soft_at) & (at < packer.soft_at + model.c.soft_tokens)
            far = (at[:, None] >= at) | (image[:, None] & image)
            near = far & (at[:, None] - at < model.c.window)
            hidden = model(torch.tensor([ids]), at[None], (near[None, None], far[None, None]), soft, packer.soft_at)
            last = model.logits(hidden[0, -1])
            if len(ids) == start:
                logits.append(last)
            if last.argmax().item() == packer.end:
                break
            ids.append(last.argmax().item())
        said.append("".join(packer.spelling.pieces[i] for i in ids[start:]).replace("\u2581", " "))
    return said, torch.stack(logits)


def examples(folder: Path):
    """A picture of each topic, as a user might have it."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(EXAMPLES)
    for make in (draw.shapes, draw.pair, draw.number, draw.word):
        scene = make(rng)
        scene.image.save(folder / f"{scene.topic}.png", optimize=True)
        print(scene.topic, scene.asked)


if __name__ == "__main__":
    torch.set_num_threads(1)
    model, packer = rounded(sys.argv[1])
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    examples(folder / "examples")
    asked = scenes()
    side = draw.INPUT
    sheet = Image.new("RGB", (COLUMNS * side, COUNT // COLUMNS * side))
    for i, scene in enumerate(asked):
        small = scene.image.resize((side, side), Image.Resampling.BILINEAR)
        sheet.paste(small, (i % COLUMNS * side, i // COLUMNS * side))
    sheet.save(folder / "held-out.png", optimize=True)
    said, logits = answers(model, packer, asked)
    logits[:SPELT].numpy().astype("<f4").tofile(folder / "logits.f32.bin")
    questions = [dict(topic=s.topic, question=s.question, ids=packer.spelling.encode(s.question), answer=s.answer, said=t) for s, t in zip(asked, said)]
    (folder / "held-out.json").write_text("[\n" + ",\n".join(json.dumps(q) for q in questions) + "\n]\n")
    for topic in ("shapes", "pair", "number", "word"):
        of = [q for q in questions if q["topic"] == topic]
        print(topic, sum(q["answer"] == q["said"] for q in of), "of", len(of))
    print("all", sum(q["answer"] == q["said"] for q in questions), "of", COUNT)
