"""Takes a checkpoint up, with its matrices rounded to f16 as the files hold them."""

from pathlib import Path

import torch

import spelling
from model import Config, Gemma
from packing import Packer

HERE = Path(__file__).parent


def rounded(path: str) -> tuple[Gemma, Packer]:
    held = torch.load(path)
    model = Gemma(Config(**held["config"]))
    model.load_state_dict(held["model"])
    for name, p in model.named_parameters():
        if in_f16(name, p):
            p.data = p.data.half().float()
    return model.eval(), Packer(spelling.load(HERE / "vocabulary.json"), model.c)


def in_f16(name: str, p: torch.Tensor) -> bool:
    """Matrices of layers, the embedding and the projector; patches and positions stay whole, as in published files."""
    return p.ndim == 2 and name != "eye.position"
