"""Trains tiny-vision on the CPU: `python train.py --minutes 55 --out runs/a`.

Two processes, a thread each, draw scenes, compute gradients and average them. The learning rate follows the clock, so a
run ends when it was to. A run that was stopped goes on from its last checkpoint.
"""

import argparse
import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

import draw
import spelling
from model import Config, Gemma
from optimiser import Muon
from packing import MOST_ASKED, SHARE_OF_CONVERSATIONS, Packer

THINGS, TINTS = 1 + len(draw.KINDS) + len(draw.GLYPHS), 1 + len(draw.COLOURS)
HELD_OUT_SEED = 1_000_000


class Scenes:
    """Scenes that were drawn lately. Each is shown several times, with other questions."""

    def __init__(self, rng, most: int, fresh: float):
        self.rng, self.most, self.fresh = rng, most, fresh
        self.held = []
        self.next = 0

    def draw(self):
        scene = draw.draw(self.rng)
        scene.seen = draw.pixels(scene.image)
        scene.image = None
        if len(self.held) < self.most:
            self.held.append(scene)
        else:
            self.held[self.next] = scene
            self.next = (self.next + 1) % self.most
        return scene

    def take(self, count: int) -> list:
        drawn = [self.draw() for _ in range(max(1, round(count * self.fresh)))]
        rest = self.rng.integers(len(self.held), size=count - len(drawn))
        return drawn + [self.held[i] for i in rest]


def pixels_of(scenes: list):
    return torch.from_numpy(np.stack([scene.seen for scene in scenes])).float() / 127.5 - 1


def patch_loss(told, scenes: list):
    """What the tower is taught beside the answers: in each patch the thing, its colour, and whether its centre is here."""
    things, tints, centres = (torch.from_numpy(np.stack([getattr(s, name) for s in scenes])).flatten(1) for name in ("things", "tints", "centres"))
    told = told.transpose(1, 2)
    thing, tint, centre = told[:, :THINGS], told[:, THINGS : THINGS + TINTS], told[:, -1]
    scale = torch.where(things > 0, 1.0, 0.2)
    loss = F.cross_entropy(thing, things, reduction="none") + F.cross_entropy(tint, tints, reduction="none")
    return (loss * scale).sum() / scale.sum() + F.binary_cross_entropy_with_logits(centre, centres, pos_weight=torch.tensor(6.0))


def speed(elapsed: float, step: int) -> float:
    """Factor of the learning rates after this share of the time."""
    return min(1, (step + 1) / 100) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1, elapsed))))


class Trainer:
    def __init__(self, args, rank: int):
        self.args, self.rank = args, rank
        self.spelling = spelling.load(Path(__file__).parent / "vocabulary.json")
        self.config = Config(vocab=len(self.spelling.pieces))
        torch.manual_seed(0)
        self.model = Gemma(self.config)
        self.teacher = nn.Linear(self.config.eye_width, THINGS + TINTS + 1)
        self.packer = Packer(self.spelling, self.config)
        matrices = [p for m in (self.model.layers, self.model.eye.layers) for p in m.parameters() if p.ndim == 2]
        matrices.append(self.model.projector.matrix)
        inside = {id(p) for p in matrices}
        self.parameters = [*self.model.parameters(), *self.teacher.parameters()]
        rest = [p for p in self.parameters if id(p) not in inside]
        self.optimisers = [Muon(matrices, lr=args.muon), torch.optim.AdamW(rest, lr=args.adam, betas=(0.9, 0.98), weight_decay=0)]
        self.rates = [args.muon, args.adam]
        self.step, self.elapsed = 0, 0.0
        self.path = Path(args.out) / "checkpoint.pt"
        if self.path.exists():
            self.load()
        self.rng = np.random.default_rng([rank, self.step])
        self.scenes = Scenes(self.rng, args.held, args.fresh)

    def load(self):
        held = torch.load(self.path)
        self.model.load_state_dict(held["model"])
        self.teacher.load_state_dict(held["teacher"])
        for optimiser, state in zip(self.optimisers, held["optimisers"]):
            optimiser.load_state_dict(state)
        self.step, self.elapsed = held["step"], held["elapsed"]

    def save(self):
        if self.rank:
            return
        held = dict(
            config=asdict(self.config), model=self.model.state_dict(), teacher=self.teacher.state_dict(),
            optimisers=[o.state_dict() for o in self.optimisers], step=self.step, elapsed=self.elapsed,
        )  # fmt: skip
        part = self.path.with_suffix(".part")
        torch.save(held, part)
        part.rename(self.path)

    def answers(self, rows: list, pooled):
        ids, positions, targets, masks = self.packer.batch(rows)
        hidden = self.model(ids, positions, masks, self.model.projector(pooled), self.packer.soft_at)
        told = targets >= 0
        return self.model.logits(hidden[told]), targets[told], told

    @torch.no_grad()
    def remembered(self, scenes: list):
        """What the tower makes of scenes while it does not learn: once for each."""
        unseen = [scene for scene in {id(s): s for s in scenes}.values() if not hasattr(scene, "pooled")]
        if unseen:
            for scene, pooled in zip(unseen, self.model.projector.pooled(self.model.eye(pixels_of(unseen)))):
                scene.pooled = pooled
        return torch.stack([scene.pooled for scene in scenes])

    def losses(self, count: int, share: float):
        """Of answers and of patches. First only the tower learns, then only the text, then both."""
        scenes = self.scenes.take(count)
        if share < self.args.eyes_until:
            return torch.zeros(()), patch_loss(self.teacher(self.model.eye(pixels_of(scenes))), scenes)
        rows = []
        for scene in scenes:
            order = self.rng.permutation(len(scene.asked))[:MOST_ASKED]
            rows.append(self.packer.row([scene.asked[i] for i in order], self.rng.random() < SHARE_OF_CONVERSATIONS))
        if share < self.args.text_until:
            logits, targets, _ = self.answers(rows, self.remembered(scenes))
            return F.cross_entropy(logits, targets), torch.zeros(())
        patches = self.model.eye(pixels_of(scenes))
        logits, targets, _ = self.answers(rows, self.model.projector.pooled(patches))
        return F.cross_entropy(logits, targets), patch_loss(self.teacher(patches), scenes)

    def train_step(self):
        share = self.elapsed / (60 * self.args.minutes)
        answer, patch = self.losses(self.args.batch, share)
        (answer + self.args.teach * (1 - share) * patch).backward()
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in self.parameters])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        flat *= min(1, 1 / (flat.norm().item() + 1e-6))
        at = 0
        for p in self.parameters:
            if p.grad is not None:
                p.grad.copy_(flat[at : at + p.numel()].view_as(p))
            at += p.numel()
        for optimiser, rate in zip(self.optimisers, self.rates):
            for group in optimiser.param_groups:
                group["lr"] = rate * speed(share, self.step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return answer.item(), patch.item()

    @torch.no_grad()
    def examine(self, count: int) -> dict:
        """Share of whole answers that are right, by topic, on scenes that training never draws."""
        rng = np.random.default_rng(HELD_OUT_SEED + self.rank)
        right = {topic: [0, 0] for topic in ("shapes", "pair", "number", "word")}
        for _ in range(count // 16):
            scenes, rows, owners = [], [], []
            for _ in range(16):
                scene = draw.draw(rng)
                scene.seen = draw.pixels(scene.image)
                question = scene.asked[int(rng.integers(len(scene.asked)))]
                scenes.append(scene)
                rows.append(self.packer.row([question], False))
            logits, targets, told = self.answers(rows, self.model.projector.pooled(self.model.eye(pixels_of(scenes))))
            hit = logits.argmax(-1) == targets
            for i, scene in enumerate(scenes):
                mine = hit[torch.nonzero(told)[:, 0] == i]
                right[scene.topic][0] += bool(mine.all())
                right[scene.topic][1] += 1
        counts = torch.tensor(list(right.values()), dtype=torch.float64)
        dist.all_reduce(counts)
        every = counts.sum(0)
        return dict(all=round((every[0] / every[1]).item(), 4), **{t: round((a / max(b, 1)).item(), 3) for t, (a, b) in zip(right, counts)})

    def run(self):
        before, said, examined = time.time(), self.step, self.elapsed
        log = open(Path(self.args.out) / "curve.jsonl", "a") if self.rank == 0 else None
        means = np.zeros(2)
        while self.elapsed < 60 * self.args.minutes and self.step < self.args.steps:
            means += self.train_step()
            now = torch.tensor([time.time() - before], dtype=torch.float64)
            dist.broadcast(now, 0)
            self.elapsed += now.item()
            before = time.time()
            if self.step - said == 50 and log:
                print(f"step {self.step} {self.elapsed / 60:.1f} min  answers {means[0] / 50:.3f}  patches {means[1] / 50:.3f}", flush=True)
            if self.step - said == 50:
                said, means = self.step, np.zeros(2)
            if self.elapsed - examined > 60 * self.args.examine or self.elapsed >= 60 * self.args.minutes:
                examined = self.elapsed
                found = self.examine(128)
                self.save()
                if log:
                    print(json.dumps(dict(minutes=round(self.elapsed / 60, 1), step=self.step, **found)), file=log, flush=True)
                    print("examined", found, flush=True)
        self.save()


def work(rank: int, world: int, args):
    torch.set_num_threads(1)
    os.setsid()
    print("process", rank, os.getpid(), flush=True)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(args.port))
    dist.init_process_group("gloo", rank=rank, world_size=world)
    Trainer(args, rank).run()
    dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=24, help="images of a step in each process")
    parser.add_argument("--muon", type=float, default=0.015)
    parser.add_argument("--adam", type=float, default=0.002)
    parser.add_argument("--teach", type=float, default=0.5, help="weight of what patches are taught, at the start")
    parser.add_argument("--eyes-until", type=float, default=0.2, help="until this share of the time only the tower learns")
    parser.add_argument("--text-until", type=float, default=0.4, help="then, until this one, only the text")
    parser.add_argument("--held", type=int, default=5000, help="scenes that a process keeps to show again")
    parser.add_argument("--fresh", type=float, default=0.25, help="share of a step's scenes that are new")
    parser.add_argument("--examine", type=float, default=3, help="minutes between examinations")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--port", type=int, default=29517)
    args = parser.parse_args()
    Path(args.out).mkdir(parents=True, exist_ok=True)
    torch.multiprocessing.spawn(work, (args.workers, args), args.workers)
