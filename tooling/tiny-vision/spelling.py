"""A cut of Gemma 3's vocabulary: the pieces that the drawn questions and answers need, with their scores.

Merging is SentencePiece's: of all neighbours whose union is a piece, the union with the highest score is made, the
leftmost first. Pieces that come up on the way are kept, so the cut spells these texts as the whole vocabulary does.
"""

import json
import re

CONTROL, USER, BYTE, NORMAL = 3, 4, 6, 1
META = "\u2581"
NAMED = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"]
TEMPLATE = (
    "{{ bos_token }}{%- for message in messages -%}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else "
    "message['role']) + '\\n' }}{%- if message['content'] is string -%}{{ message['content'] | trim }}{%- else -%}"
    "{%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- elif "
    "item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{%- endif -%}{{ '<end_of_turn>\\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)


def cut_vocabulary(gguf_path: str, texts: list) -> dict:
    """Pieces, scores and types of the cut, in the order of the whole vocabulary."""
    import gguf

    fields = gguf.GGUFReader(gguf_path).fields
    pieces, scores, types = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "scores", "token_type"))
    ids = {piece: i for i, piece in enumerate(pieces)}
    kept = {ids[name] for name in NAMED}
    kept |= {i for i, type in enumerate(types) if type == BYTE}
    kept |= {i for i, piece in enumerate(pieces) if types[i] == USER and re.fullmatch(r"\n+", piece)}
    kept |= {ids[chr(c)] for c in range(33, 127) if types[ids[chr(c)]] == NORMAL} | {ids[META]}
    whole = Spelling(dict(pieces=pieces, scores=scores, types=types))
    for text in [*texts, "user", "model"]:
        whole.encode(text, kept)
    order = sorted(kept)
    return dict(pieces=[pieces[i] for i in order], scores=[scores[i] for i in order], types=[types[i] for i in order])


class Spelling:
    def __init__(self, vocabulary: dict):
        self.pieces = vocabulary["pieces"]
        self.types = vocabulary["types"]
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}
        self.scores = {p: s for p, s, t in zip(self.pieces, vocabulary["scores"], self.types) if t == NORMAL}
        self.known = {}

    def encode(self, text: str, made: set | None = None) -> list:
        """Ids of a text without markers or newlines. `made` collects every piece that comes up on the way."""
        if made is None and text in self.known:
            return self.known[text]
        parts = list(text.replace(" ", META))
        if made is not None:
            made |= {self.ids[part] for part in parts}
        while True:
            unions = [(self.scores.get(a + b), -i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]
            best = max((union for union in unions if union[0] is not None), default=None)
            if best is None:
                break
            at = -best[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
            if made is not None:
                made.add(self.ids[parts[at]])
        self.known[text] = [self.ids[part] for part in parts]
        return self.known[text]


def save(vocabulary: dict, path):
    path.write_text(json.dumps(vocabulary, ensure_ascii=True))


def load(path) -> Spelling:
    return Spelling(json.loads(path.read_text()))
