"""From scenes to batches: an image once, then several questions with their answers, each as if it were alone.

A row is the start of a turn with the image's soft tokens, then the questions one behind the other. A question sees the
start and itself, at the positions that it would have alone. In some rows they are one conversation instead.
"""

import numpy as np
import torch

LENGTH = 72
MOST_ASKED = 4
SHARE_OF_CONVERSATIONS = 0.25


class Packer:
    def __init__(self, spelling, config):
        self.spelling, self.c = spelling, config
        ids = spelling.ids
        self.end, self.start, self.line = ids["<end_of_turn>"], ids["<start_of_turn>"], ids["\n"]
        turn = [self.start, *spelling.encode("user")]
        soft = [ids["<pad>"]] * config.soft_tokens
        head = [ids["<bos>"], *turn, ids["\n\n\n"], ids["<start_of_image>"]]
        self.soft_at = len(head)
        self.prefix = [*head, *soft, ids["<end_of_image>"], ids["\n\n"]]
        self.model = [self.line, self.start, *spelling.encode("model"), self.line]
        self.again = [self.line, *turn, self.line]

    def asked(self, question: str, answer: str, goes_on: bool):
        """Ids, and which of them are to be told: the answer and the end of its turn."""
        before = [*(self.again if goes_on else []), *self.spelling.encode(question), self.end, *self.model]
        told = [*self.spelling.encode(answer), self.end]
        return before + told, len(before)

    def row(self, asked: list, conversation: bool):
        """Ids, positions, parts and targets, LENGTH of each. Part 0 is seen by all that follow; target -1 is none."""
        ids, positions, parts, targets = list(self.prefix), list(range(len(self.prefix))), [0] * len(self.prefix), [-1] * len(self.prefix)
        for part, (question, answer) in enumerate(asked, 1):
            more, told_at = self.asked(question, answer, conversation and part > 1)
            if len(ids) + len(more) > LENGTH:
                continue
            first = len(ids) if conversation else len(self.prefix)
            positions += range(first, first + len(more))
            parts += [0 if conversation else part] * len(more)
            targets += [-1] * (told_at - 1) + more[told_at:] + [-1]
            ids += more
        pad = LENGTH - len(ids)
        return ids + [0] * pad, positions + [0] * pad, parts + [-1] * pad, targets + [-1] * pad

    def batch(self, rows: list):
        """Tensors of rows: ids, positions, targets [B, LENGTH] and the masks of local and global layers."""
        ids, positions, parts, targets = (torch.tensor(np.array(column)) for column in zip(*rows))
        at = torch.arange(LENGTH)
        image = (at >= self.soft_at) & (at < self.soft_at + self.c.soft_tokens)
        sees = (at[:, None] >= at) | (image[:, None] & image)
        far = sees & ((parts[:, None] == 0) | (parts[:, :, None] == parts[:, None]))
        near = far & (positions[:, :, None] - positions[:, None] < self.c.window)
        return ids, positions, targets, (near[:, None], far[:, None])
