"""What Hugging Face's Gemma 3 makes of the evaluations of @g3/distill, on the dequantised weights of GGUF files.

  python make_evaluate_goldens.py --base MODEL.gguf --other MODEL.gguf --config CONFIG.json --tasks TASKS.json --out GOLDENS.json

TASKS.json: {perplexity: {ids: [[...]], window, stride}, choice: [{ids, first}], kl: [[...]]}; ids as g3 has them, `first` is where a
choice begins. GOLDENS.json: the tasks and what became of them: {tasks, nll, tokens, logLikelihoods, kl}, of the base but for kl, which is
KL(base || other) in nats, a mean over all positions. The windows are those of the guide "Perplexity of fixed-length models".
Needs torch, transformers and gguf.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent.parent / "lora"))
from make_goldens import load  # noqa: E402


def strided(model, ids: list[int], window: int, stride: int) -> tuple[float, int]:
    total, count, before = 0.0, 0, 0
    tokens = torch.tensor([ids])
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        labels = tokens[:, begin:end].clone()
        labels[:, : -(end - before)] = -100
        loss = model(tokens[:, begin:end], labels=labels).loss
        valid = int((labels[:, 1:] != -100).sum())
        total += float(loss) * valid
        count += valid
        before = end
        if end == len(ids):
            break
    return total, count


def log_likelihood(model, ids: list[int], first: int) -> float:
    logs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return float(sum(logs[at - 1, ids[at]] for at in range(first, len(ids))))


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("base", "other", "config", "tasks", "out"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(2)
    tasks = json.loads(args.tasks.read_text())
    base, other = load(args.base, args.config), load(args.other, args.config)
    with torch.no_grad():
        plan = tasks["perplexity"]
        parts = [strided(base, ids, plan["window"], plan["stride"]) for ids in plan["ids"]]
        total, tokens = sum(nll for nll, _ in parts), sum(count for _, count in parts)
        likelihoods = [log_likelihood(base, item["ids"], item["first"]) for item in tasks["choice"]]
        kls = []
        for ids in tasks["kl"]:
            p, q = (model(torch.tensor([ids])).logits[0].double().log_softmax(-1) for model in (base, other))
            kls.extend((p.exp() * (p - q)).sum(-1).tolist())
    found = {"tasks": tasks, "nll": total / tokens, "tokens": tokens, "logLikelihoods": likelihoods, "kl": sum(kls) / len(kls)}
    args.out.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
