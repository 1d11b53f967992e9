"""Gradients of LoRA matrices in float64 for the tests of @g3/distill.

  python make_gradient_goldens.py --base MODEL.gguf --soft SOFT.bin --out FOLDER

FOLDER gets cases.json: {rank, alpha, cases: [{name, leash, examples, loss, divergence}]}; values.bin, the matrices, f32: A [rank, cols]
and B [outs, rank] of each target of each layer, in order; NAME.bin, their gradients of loss + leash * divergence, in the same order.
SOFT.bin: the soft tokens of two images, f32 [2, tokens, width]. Needs torch and gguf.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from gemma3_torch import Model

RANK, ALPHA = 3, 6.0
IMAGE, TOKENS = -1, 4


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("base", "soft", "out"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(2)
    rng = np.random.default_rng(11)
    model = Model(args.base)
    model.scale = ALPHA / RANK
    width = model.w["token_embd.weight"].shape[1]
    soft = torch.from_numpy(np.fromfile(args.soft, dtype=np.float32)).view(2, TOKENS, width)
    values = []
    for name, (outs, cols) in model.shapes():
        pair = [(rng.normal(size=(RANK, cols)) / np.sqrt(cols)).astype(np.float32), (rng.normal(size=(outs, RANK)) * 0.05).astype(np.float32)]
        values.extend(pair)
        model.adapters[name] = tuple(torch.from_numpy(each).double().requires_grad_() for each in pair)

    def text(length):
        return [2, *rng.integers(8, 490, length - 1).tolist()]

    def wanted(places, most):
        found = []
        for position in places:
            count = int(rng.integers(1, most + 1))
            ids = rng.choice(480, count, replace=False) + 8
            found.append({"position": int(position), "ids": ids.tolist(), "weights": rng.dirichlet(np.ones(count)).astype(np.float32).tolist()})
        return found

    seen = text(9) + [501] + [IMAGE] * TOKENS + [502] + text(6)[1:] + [IMAGE] * TOKENS + text(5)[1:]
    first = 10
    second = first + TOKENS + 1 + 5
    cases = [
        {"name": "text", "leash": 0, "examples": [
            {"ids": text(41), "wanted": wanted(range(5, 40, 2), 5)},
            {"ids": text(7), "wanted": wanted([0, 3, 6], 1)},
        ]},
        {"name": "leashed", "leash": 0.25, "examples": [{"ids": text(23), "wanted": wanted(range(22), 3)}]},
        {"name": "images", "leash": 0, "examples": [
            {"ids": seen, "images": [{"at": first, "image": 0}, {"at": second, "image": 1}], "wanted": wanted(range(second - 3, len(seen)), 4)},
        ]},
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    np.concatenate([each.ravel() for each in values]).tofile(args.out / "values.bin")
    for case in cases:
        loss = divergence = torch.zeros((), dtype=torch.float64)
        for example in case["examples"]:
            images = [(each["at"], soft[each["image"]]) for each in example.get("images", [])]
            more = model.losses({**example, "images": images}, case["leash"])
            loss, divergence = loss + more[0], divergence + more[1]
        learned = [each for pair in model.adapters.values() for each in pair]
        grads = torch.autograd.grad(loss + case["leash"] * divergence, learned)
        np.concatenate([each.numpy().ravel() for each in grads]).astype(np.float32).tofile(args.out / f"{case['name']}.bin")
        case["loss"], case["divergence"] = float(loss), float(divergence)
    (args.out / "cases.json").write_text(json.dumps({"rank": RANK, "alpha": ALPHA, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
