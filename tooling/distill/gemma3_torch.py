"""Gemma 3 with LoRA in plain torch, of a GGUF's dequantised weights, any precision: the oracle of what @g3/distill learns.

Rows are as g3's: whole texts, each row sees a span of them. `python gemma3_torch.py` with the fixtures of the tiny random model checks it
against Hugging Face's logits. Needs torch and gguf.
"""

import math
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F

TARGETS = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]


class Model:
    def __init__(self, path: Path, dtype=torch.float64):
        reader = gguf.GGUFReader(path)
        self.dtype = dtype
        self.w = {
            t.name: torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type), dtype=np.float32)).to(dtype) for t in reader.tensors
        }
        field = lambda key, default=None: reader.fields[f"gemma3.{key}"].contents() if f"gemma3.{key}" in reader.fields else default
        self.layers = field("block_count")
        self.heads, self.kv_heads = field("attention.head_count"), field("attention.head_count_kv")
        self.head_dim = field("attention.key_length")
        self.eps = field("attention.layer_norm_rms_epsilon")
        self.window = field("attention.sliding_window")
        pattern = field("attention.sliding_window_pattern", 6)
        self.is_global = [(i + 1) % pattern == 0 for i in range(self.layers)]
        self.bases = (field("rope.freq_base_swa", 10000.0), field("rope.freq_base", 1e6))
        self.factor = field("rope.scaling.factor", 1.0)
        self.adapters: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self.scale = 1.0

    def linear(self, x, name):
        y = x @ self.w[f"{name}.weight"].T
        if name in self.adapters:
            a, b = self.adapters[name]
            y = y + self.scale * (x @ a.T) @ b.T
        return y

    def rms(self, x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.w[f"{name}.weight"]

    def rotate(self, x, positions, base, factor):
        half = self.head_dim // 2
        frequencies = base ** (-torch.arange(half, dtype=torch.float64) * 2 / self.head_dim) / factor
        angles = (positions[:, None].double() * frequencies).to(self.dtype)[:, None, :]
        cos, sin = angles.cos(), angles.sin()
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def hidden(self, ids, images=(), lengths=None):
        """One text, or several of these lengths one after the other. images: (at, soft tokens)."""
        n = len(ids)
        lengths = torch.tensor(lengths or [n])
        positions = torch.cat([torch.arange(length) for length in lengths.tolist()])
        text = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        x = self.w["token_embd.weight"][torch.tensor(ids).clamp(min=0)] * math.sqrt(self.w["token_embd.weight"].shape[1])
        x = x.clone()
        rows = torch.arange(n)
        ends = rows + 1
        for at, soft in images:
            x[at : at + len(soft)] = soft.to(self.dtype)
            ends = torch.where((rows >= at) & (rows < at + len(soft)), at + len(soft), ends)
        for i in range(self.layers):
            name = f"blk.{i}"
            base, factor = (self.bases[1], self.factor) if self.is_global[i] else (self.bases[0], 1.0)
            seen = (rows[None, :] < ends[:, None]) & (text[None, :] == text[:, None])
            if not self.is_global[i]:
                seen &= rows[None, :] > rows[:, None] - self.window
            h = self.rms(x, f"{name}.attn_norm")
            q = self.linear(h, f"{name}.attn_q").view(n, self.heads, self.head_dim)
            k = self.linear(h, f"{name}.attn_k").view(n, self.kv_heads, self.head_dim)
            v = self.linear(h, f"{name}.attn_v").view(n, self.kv_heads, self.head_dim)
            q = self.rotate(self.rms(q, f"{name}.attn_q_norm"), positions, base, factor)
            k = self.rotate(self.rms(k, f"{name}.attn_k_norm"), positions, base, factor)
            group = self.heads // self.kv_heads
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
            scores = torch.einsum("rhd,shd->hrs", q, k) * self.head_dim**-0.5
            weights = scores.masked_fill(~seen, -math.inf).softmax(-1)
            attended = torch.einsum("hrs,shd->rhd", weights, v).reshape(n, -1)
            x = x + self.rms(self.linear(attended, f"{name}.attn_output"), f"{name}.post_attention_norm")
            h = self.rms(x, f"{name}.ffn_norm")
            gated = F.gelu(self.linear(h, f"{name}.ffn_gate"), approximate="tanh") * self.linear(h, f"{name}.ffn_up")
            x = x + self.rms(self.linear(gated, f"{name}.ffn_down"), f"{name}.post_ffw_norm")
        return self.rms(x, "output_norm")

    def logits(self, hidden):
        return hidden @ self.w["token_embd.weight"].T

    def losses(self, example, leash):
        """The weighted cross-entropy and the divergence from the model without adapters, each a sum over what is wanted."""
        hidden = self.hidden(example["ids"], example.get("images", ()))
        places = torch.tensor([each["position"] for each in example["wanted"]])
        logs = self.logits(hidden[places]).log_softmax(-1)
        loss = logs.new_zeros(())
        for row, each in enumerate(example["wanted"]):
            loss = loss - (logs[row, each["ids"]] * torch.tensor(each["weights"], dtype=self.dtype)).sum()
        divergence = logs.new_zeros(())
        if leash > 0:
            with torch.no_grad():
                own, self.adapters = self.adapters, {}
                base = self.logits(self.hidden(example["ids"], example.get("images", ()))[places]).log_softmax(-1)
                self.adapters = own
            divergence = (base.exp() * (base - logs)).sum()
        return loss, divergence

    def shapes(self):
        for i in range(self.layers):
            for target in TARGETS:
                yield f"blk.{i}.{target}", self.w[f"blk.{i}.{target}.weight"].shape


def check(fixtures: Path) -> None:
    import json

    import sys

    model = Model(fixtures / "tiny-text-f32.gguf")
    goldens = json.loads((fixtures / "goldens.json").read_text())["prompts"]
    soft = torch.from_numpy(np.fromfile(sys.argv[2], dtype=np.float32)).view(2, 4, -1)
    for name in ("text_short", "text_long", "image_1", "image_2"):
        golden = goldens[name]
        ids = golden["ids"]
        starts = [p for p, each in enumerate(ids) if each == 500 and (p == 0 or ids[p - 1] != 500)]
        images = [(at, soft[i]) for at, i in zip(starts, golden.get("images", []))]
        want = np.fromfile(fixtures / golden["logits"], dtype=np.float32).reshape(-1, 512)
        with torch.no_grad():
            got = model.logits(model.hidden(ids, images)).numpy()[-len(want) :]
        print(name, abs(got - want).max())


if __name__ == "__main__":
    import sys

    check(Path(sys.argv[1]))
