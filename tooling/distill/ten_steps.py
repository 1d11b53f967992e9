"""Torch's part of ten-steps.mjs: the same steps from the same matrices, in f32 on two threads. Not to be run by itself."""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch

from gemma3_torch import Model


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("base", "folder"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(2)
    task = json.loads((args.folder / "task.json").read_text())
    model = Model(args.base, torch.float32)
    model.scale = task["alpha"] / task["rank"]
    values = torch.from_numpy(np.fromfile(args.folder / "values.bin", dtype=np.float32))
    at = 0
    for name, (outs, cols) in model.shapes():
        pair = []
        for shape in ((task["rank"], cols), (outs, task["rank"])):
            count = shape[0] * shape[1]
            pair.append(values[at : at + count].view(shape).clone().requires_grad_())
            at += count
        model.adapters[name] = tuple(pair)
    learned = [each for pair in model.adapters.values() for each in pair]
    optimiser = torch.optim.AdamW(learned, lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    lengths = [len(ids) for ids in task["ids"]]
    ids = [each for text in task["ids"] for each in text]
    ends = np.cumsum(lengths)
    places = torch.tensor([p for p in range(len(ids)) if p + 1 not in ends])
    wanted = torch.tensor(ids)[places + 1]
    losses, seconds = [], []
    for rate in task["rates"]:
        start = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model.logits(model.hidden(ids, lengths=lengths)[places]), wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, task["clip"])
        optimiser.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (args.folder / "torch.json").write_text(json.dumps({"losses": losses, "seconds": seconds, "peakBytes": peak}))


if __name__ == "__main__":
    main()
