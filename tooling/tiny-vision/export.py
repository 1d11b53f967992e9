"""Writes the pair of GGUF files: `python export.py CHECKPOINT FOLDER`."""

import json
import sys
from pathlib import Path

import gguf
import numpy as np

import spelling
from weights import HERE, in_f16, rounded

NAME = "Tiny Vision"
TEXT_NAMES = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output", "q_norm": "attn_q_norm", "k_norm": "attn_k_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
EYE_NAMES = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_out", "up": "ffn_up", "down": "ffn_down"}
OTHERS = {
    "embedding": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "eye.patch.weight": "v.patch_embd.weight",
    "eye.patch.bias": "v.patch_embd.bias",
    "eye.position": "v.position_embd.weight",
    "eye.post.weight": "v.post_ln.weight",
    "eye.post.bias": "v.post_ln.bias",
    "projector.norm.weight": "mm.soft_emb_norm.weight",
    "projector.matrix": "mm.input_projection.weight",
}


def file_name(name: str) -> str:
    """A tensor's name in the files."""
    if name in OTHERS:
        return OTHERS[name]
    parts = name.split(".")
    if parts[0] == "eye":
        return f"v.blk.{parts[2]}.{EYE_NAMES.get(parts[3], parts[3])}.{parts[4]}"
    return f"blk.{parts[1]}.{TEXT_NAMES.get(parts[2], parts[2])}.weight"


def is_rms(name: str) -> bool:
    """Files hold 1 + weight of Gemma's norms."""
    return name.split(".")[-2:-1] != [] and name.split(".")[-2].endswith("norm")


def add_tensors(writer: gguf.GGUFWriter, model, of_eye: bool):
    for name, p in model.named_parameters():
        if name.startswith(("eye.", "projector.")) != of_eye:
            continue
        values = p.detach().numpy()
        values = values.astype(np.float16) if in_f16(name, p) else values + np.float32(is_rms(name))
        writer.add_tensor(file_name(name), np.ascontiguousarray(values))


def begin(path: Path, architecture: str, kind: str) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(kind)
    writer.add_name(NAME)
    writer.add_basename("tiny-vision")
    writer.add_finetune("it")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(2)
    return writer


def end(writer: gguf.GGUFWriter):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_text(model, path: Path):
    c = model.c
    writer = begin(path, "gemma3", "model")
    writer.add_context_length(c.context)
    writer.add_embedding_length(c.width)
    writer.add_block_count(c.layers)
    writer.add_feed_forward_length(c.ffn)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_layer_norm_rms_eps(c.eps)
    writer.add_rope_freq_base(c.rope_global)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(c.rope_factor)
    writer.add_sliding_window(c.window)
    vocabulary = json.loads((HERE / "vocabulary.json").read_text())
    ids = {piece: i for i, piece in enumerate(vocabulary["pieces"])}
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary["pieces"])
    writer.add_token_scores(vocabulary["scores"])
    writer.add_token_types(vocabulary["types"])
    writer.add_bos_token_id(ids["<bos>"])
    writer.add_eos_token_id(ids["<eos>"])
    writer.add_unk_token_id(ids["<unk>"])
    writer.add_pad_token_id(ids["<pad>"])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(spelling.TEMPLATE)
    add_tensors(writer, model, False)
    end(writer)


def write_eye(model, path: Path):
    c = model.c
    writer = begin(path, "clip", "mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "gemma3")
    writer.add_bool("clip.use_gelu", True)
    sizes = dict(image_size=c.side, patch_size=c.patch, embedding_length=c.eye_width, feed_forward_length=c.eye_ffn,
                 block_count=c.eye_layers, projection_dim=c.width)  # fmt: skip
    for key, value in {**sizes, "attention.head_count": c.eye_heads, "projector.scale_factor": c.pool}.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", c.eps)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    add_tensors(writer, model, True)
    end(writer)


if __name__ == "__main__":
    model, _ = rounded(sys.argv[1])
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    write_text(model, folder / "tiny-vision-f16.gguf")
    write_eye(model, folder / "mmproj-tiny-vision-f16.gguf")
