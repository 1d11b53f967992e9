"""Muon: momentum whose matrices are made orthogonal before they are applied.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), https://kellerjordan.github.io/posts/muon/.
"""

from collections import defaultdict

import torch


def orthogonal(g, steps: int = 5):
    """Matrices [n, rows, cols] -> nearly U Vᵀ of each, by Newton and Schulz's iteration."""
    wide = g.shape[1] <= g.shape[2]
    x = g if wide else g.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.775 * a + 2.0315 * (a @ a)) @ x
    return x if wide else x.transpose(1, 2)


class Muon(torch.optim.Optimizer):
    """For matrices inside a network; norms, biases and embeddings want AdamW."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95, decay: float = 0.02):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            alike = defaultdict(list)
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["sum"] = torch.zeros_like(p)
                state["sum"].lerp_(p.grad, 1 - group["momentum"])
                alike[p.shape].append((p, p.grad.lerp(state["sum"], group["momentum"])))
            for (rows, cols), members in alike.items():
                updates = orthogonal(torch.stack([update for _, update in members]))
                for (p, _), update in zip(members, updates):
                    p.mul_(1 - group["lr"] * group["decay"])
                    p.add_(update, alpha=-group["lr"] * max(1, rows / cols) ** 0.5)
