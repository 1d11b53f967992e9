"""Gemma 3 with SigLIP, small: the forward pass of Hugging Face's `Gemma3ForConditionalGeneration`, for training.

Sources: Gemma 3 Technical Report (arXiv 2503.19786); Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (arXiv
2303.15343); transformers, `modeling_gemma3.py` and `modeling_siglip.py`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Config:
    vocab: int
    # The tower
    side: int = 96
    patch: int = 8
    eye_width: int = 96
    eye_layers: int = 3
    eye_heads: int = 4
    eye_ffn: int = 256
    pool: int = 4
    # The text
    width: int = 128
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 32
    ffn: int = 256
    window: int = 32
    pattern: int = 6
    context: int = 1024
    rope_global: float = 1e6
    rope_local: float = 1e4
    rope_factor: float = 8.0
    eps: float = 1e-6

    @property
    def grid(self) -> int:
        return self.side // self.patch

    @property
    def soft_tokens(self) -> int:
        return (self.grid // self.pool) ** 2


class Norm(nn.Module):
    """RMSNorm of Gemma: the weight is stored without its 1."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], 1 + self.weight, self.eps)


class EyeLayer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.heads = c.eye_heads
        self.ln1 = nn.LayerNorm(c.eye_width, c.eps)
        self.q, self.k, self.v, self.out = (nn.Linear(c.eye_width, c.eye_width) for _ in range(4))
        self.ln2 = nn.LayerNorm(c.eye_width, c.eps)
        self.up = nn.Linear(c.eye_width, c.eye_ffn)
        self.down = nn.Linear(c.eye_ffn, c.eye_width)

    def forward(self, x):
        b, n, d = x.shape
        h = self.ln1(x)
        q, k, v = (m(h).view(b, n, self.heads, -1).transpose(1, 2) for m in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Eye(nn.Module):
    """SigLIP's tower. Pixels [B, 3, side, side] in -1 to 1 -> patches [B, grid * grid, eye_width]."""

    def __init__(self, c: Config):
        super().__init__()
        self.patch = nn.Conv2d(3, c.eye_width, c.patch, c.patch)
        self.position = nn.Parameter(torch.randn(c.grid * c.grid, c.eye_width) * 0.3)
        self.layers = nn.ModuleList(EyeLayer(c) for _ in range(c.eye_layers))
        self.post = nn.LayerNorm(c.eye_width, c.eps)

    def forward(self, pixels):
        x = self.patch(pixels).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.post(x)


class Projector(nn.Module):
    """Patches, averaged pool x pool, normed and brought to the text's width: soft tokens [B, soft_tokens, width]."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.norm = Norm(c.eye_width, c.eps)
        self.matrix = nn.Parameter(torch.randn(c.eye_width, c.width) * c.eye_width**-0.5)

    def pooled(self, patches):
        b, _, d = patches.shape
        grid = patches.transpose(1, 2).reshape(b, d, self.c.grid, self.c.grid)
        return F.avg_pool2d(grid, self.c.pool).flatten(2).transpose(1, 2)

    def forward(self, pooled):
        return self.norm(pooled) @ self.matrix


class Layer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        self.attn_norm, self.post_attention_norm, self.ffn_norm, self.post_ffw_norm = (Norm(c.width, c.eps) for _ in range(4))
        self.q_norm, self.k_norm = (Norm(c.head_dim, c.eps) for _ in range(2))
        self.q, self.k, self.v = (nn.Linear(c.width, n, bias=False) for n in (q, kv, kv))
        self.out = nn.Linear(q, c.width, bias=False)
        self.gate, self.up = (nn.Linear(c.width, c.ffn, bias=False) for _ in range(2))
        self.down = nn.Linear(c.ffn, c.width, bias=False)

    def forward(self, x, rope, mask):
        b, n, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (m(h).view(b, n, -1, self.c.head_dim) for m in (self.q, self.k, self.v))
        q, k = turn(self.q_norm(q), rope), turn(self.k_norm(k), rope)
        k, v = (t.repeat_interleave(self.c.heads // self.c.kv_heads, 2) for t in (k, v))
        o = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
        x = x + self.post_attention_norm(self.out(o.transpose(1, 2).reshape(b, n, -1)))
        h = self.ffn_norm(x)
        return x + self.post_ffw_norm(self.down(F.gelu(self.gate(h), approximate="tanh") * self.up(h)))


def turn(x, rope):
    """RoPE: element j of a head turns with element j + half."""
    cos, sin = rope
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Gemma(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.embedding = nn.Parameter(torch.randn(c.vocab, c.width) * c.width**-0.5)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = Norm(c.width, c.eps)
        self.eye = Eye(c)
        self.projector = Projector(c)

    def rope(self, positions, base: float, factor: float):
        half = self.c.head_dim // 2
        speeds = base ** (-torch.arange(half, dtype=torch.float32) / half)
        angles = (positions.float() / factor)[..., None] * speeds
        return angles.cos()[:, :, None], angles.sin()[:, :, None]

    def forward(self, ids, positions, masks, soft, soft_at: int):
        """Ids [B, T] -> normed hidden states [B, T, width]. Soft tokens take the places from `soft_at` on.

        masks: of local and of global layers, [B, 1, T, T], true where a row sees a column.
        """
        c = self.c
        x = F.embedding(ids, self.embedding) * c.width**0.5
        x = torch.cat((x[:, :soft_at], soft, x[:, soft_at + c.soft_tokens :]), 1)
        local, far = self.rope(positions, c.rope_local, 1), self.rope(positions, c.rope_global, c.rope_factor)
        for i, layer in enumerate(self.layers):
            everywhere = (i + 1) % c.pattern == 0
            x = layer(x, far if everywhere else local, masks[1 if everywhere else 0])
        return self.norm(x)

    def logits(self, hidden):
        return hidden @ self.embedding.T
