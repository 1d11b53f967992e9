"""Makes random LoRA adapters for a Gemma 3 in a GGUF file, and the logits of Hugging Face's model with them merged into its weights.

  python make_goldens.py --base MODEL.gguf --config CONFIG.json --prompts PROMPTS.json --out FOLDER [--layers N] [--size S]

CONFIG.json is the model's config as Hugging Face has it, PROMPTS.json is {name: ids}. FOLDER gets
  all.gguf    f32, rank 8, alpha 16: all projections and the embedding
  attn.gguf   f16, rank 4, alpha 4: the projections of attention
  q8.gguf     Q8_0, rank 32, no alpha: queries and the down matrix of the first N layers
  goldens.json  {cases: [{adapters: [{file, scale}], prompt, ids, logits, rows}]}, and the logits, f32 [rows, ids of the vocabulary]
What is added has S of the standard deviation of what is there: 0.3, which no trained model survives; 0.05 leaves it one.
A matrix W becomes W + scale * alpha / rank * B A; of the embedding only what is read, not the output matrix, as PEFT and llama.cpp do.
Needs torch, transformers and gguf.
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

ROWS = 8
PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {
    "attn_norm": "input_layernorm",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
EMBEDDING = "token_embd"


def hf_name(name: str) -> str:
    """The parameter of Hugging Face's model for a GGUF's matrix, without `.weight`."""
    if name == EMBEDDING:
        return "model.embed_tokens"
    _, layer, rest = name.split(".")
    return f"model.layers.{layer}.{PROJECTIONS[rest]}"


def load(base: Path, config: Path) -> Gemma3ForCausalLM:
    """The model with a GGUF's dequantised weights, its output matrix apart from its embedding."""
    fields = json.loads(config.read_text())
    text = Gemma3TextConfig(**fields.get("text_config", fields))
    text.tie_word_embeddings = False
    model = Gemma3ForCausalLM._from_config(text, attn_implementation="eager").float().eval()
    state = {}
    for tensor in gguf.GGUFReader(base).tensors:
        values = torch.from_numpy(np.array(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
        name = tensor.name.removesuffix(".weight")
        if name == EMBEDDING:
            state["model.embed_tokens.weight"] = values
            state["lm_head.weight"] = values.clone()
        elif name == "output_norm":
            state["model.norm.weight"] = values - 1
        elif name.split(".")[-1] in NORMS:
            _, layer, rest = name.split(".")
            # A GGUF holds 1 + w.
            state[f"model.layers.{layer}.{NORMS[rest]}.weight"] = values - 1
        else:
            state[f"{hf_name(name)}.weight"] = values
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    return model


class Adapter:
    """Random matrices for some of a model's, as they are after they were stored."""

    def __init__(self, seed: int, rank: int, alpha: float | None, kind: str, size: float):
        self.rng = np.random.default_rng(seed)
        self.rank, self.alpha, self.kind = rank, alpha, kind
        self.size = size
        self.scale = 1.0 if alpha is None else alpha / rank
        self.pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, model: Gemma3ForCausalLM, name: str) -> None:
        weight = model.get_parameter(f"{hf_name(name)}.weight").detach().numpy()
        rows, cols = weight.shape[::-1] if name == EMBEDDING else weight.shape
        a = self.rng.normal(size=(self.rank, cols)) / np.sqrt(cols)
        size = self.size * weight.std() * np.sqrt(cols) / (self.scale * np.sqrt(self.rank))
        b = self.rng.normal(size=(rows, self.rank)) * size
        first = a.T if name == EMBEDDING else a
        self.pairs[name] = (np.ascontiguousarray(first, dtype=np.float32), b.astype(np.float32))

    def packed(self, values: np.ndarray) -> tuple[np.ndarray, gguf.GGMLQuantizationType]:
        kinds = gguf.GGMLQuantizationType
        if self.kind == "f32":
            return values, kinds.F32
        if self.kind == "f16":
            return values.astype(np.float16), kinds.F16
        return gguf.quantize(values, kinds.Q8_0), kinds.Q8_0

    def write(self, path: Path) -> None:
        writer = gguf.GGUFWriter(path, "gemma3")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_string("general.name", path.stem)
        if self.alpha is not None:
            writer.add_float32("adapter.lora.alpha", self.alpha)
        for name, pair in self.pairs.items():
            for letter, values in zip("ab", pair):
                data, kind = self.packed(values)
                writer.add_tensor(f"{name}.weight.lora_{letter}", data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def delta(self, name: str) -> torch.Tensor:
        """B A as the file holds them, in the shape of the model's matrix."""
        a, b = (torch.from_numpy(np.array(gguf.dequantize(*self.packed(v)), dtype=np.float32)).double() for v in self.pairs[name])
        return self.scale * (a @ b.T if name == EMBEDDING else b @ a)


def logits(model: Gemma3ForCausalLM, ids: list[int], used: list[tuple[Adapter, float]]) -> np.ndarray:
    before = {}
    for adapter, scale in used:
        for name in adapter.pairs:
            parameter = model.get_parameter(f"{hf_name(name)}.weight")
            before.setdefault(name, parameter.detach().clone())
            parameter.data = (parameter.data.double() + scale * adapter.delta(name)).float()
    with torch.no_grad():
        result = model(torch.tensor([ids])).logits[0, -ROWS:].numpy().copy()
    for name, values in before.items():
        model.get_parameter(f"{hf_name(name)}.weight").data = values
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("base", "config", "prompts", "out"):
        parser.add_argument(f"--{option}", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--size", type=float, default=0.3)
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.out.mkdir(parents=True, exist_ok=True)
    model = load(args.base, args.config)
    layers = range(model.config.num_hidden_layers)

    adapters = {
        "all": Adapter(1, 8, 16.0, "f32", args.size),
        "attn": Adapter(2, 4, 4.0, "f16", args.size),
        "q8": Adapter(3, 32, None, "q8_0", args.size),
    }
    for layer in layers:
        for name in PROJECTIONS:
            adapters["all"].add(model, f"blk.{layer}.{name}")
            if name.startswith("attn"):
                adapters["attn"].add(model, f"blk.{layer}.{name}")
    adapters["all"].add(model, EMBEDDING)
    for layer in range(args.layers):
        for name in ("attn_q", "ffn_down"):
            adapters["q8"].add(model, f"blk.{layer}.{name}")
    for name, adapter in adapters.items():
        adapter.write(args.out / f"{name}.gguf")

    cases = []
    sets = ([], [("all", 1.0)], [("all", 0.5), ("attn", 1.0)], [("attn", -0.75)], [("q8", 1.0)])
    for prompt, ids in json.loads(args.prompts.read_text()).items():
        for used in sets:
            values = logits(model, ids, [(adapters[name], scale) for name, scale in used])
            file = "-".join([prompt, *(f"{name}_{scale:g}" for name, scale in used)]) + ".logits.bin"
            values.astype("<f4").tofile(args.out / file)
            listed = [{"file": f"{name}.gguf", "scale": scale} for name, scale in used]
            cases.append({"adapters": listed, "prompt": prompt, "ids": ids, "logits": file, "rows": len(values)})
            print(file, float(np.abs(values).max()))
    (args.out / "goldens.json").write_text(json.dumps({"maker": "tooling/lora/make_goldens.py", "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
