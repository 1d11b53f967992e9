"""What torch computes with an image encoder of the published width, 1152 with 16 heads of 72 and an MLP of 4304, in f32:

  python true-width.py ../../apps/node-runner/fixtures/true-width

Weights and pixels are hashes of a tensor's name and of a place in it, so `apps/node-runner/src/goldens/hashed.ts` makes the same, and
only some rows of each stage need be kept. Two files: `whole` (3 layers, 4,096 patches) and `part` (1 layer, 256 patches). With torch 2.15
and transformers 4.57.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import Gemma3Config
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.models.siglip.modeling_siglip import SiglipVisionModel

out = Path(sys.argv[1])
torch.set_num_threads(2)


def uniform(name, count):
    """[count] in [-1, 1): FNV-1a of the name, then a 32-bit mix of it and the place (lowbias32 of Chris Wellons)."""
    seed = 0x811C9DC5
    for char in name:
        seed = ((seed ^ ord(char)) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) ^ np.uint32(seed)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**31 - 1


def weights(name, shape):
    """Matrices keep the size of what they multiply; norms are near 1, or near 0 where transformers adds the 1."""
    values = uniform(name, int(np.prod(shape)))
    if name.endswith("mm_soft_emb_norm.weight"):
        values = values * 0.1
    elif "norm" in name and name.endswith("weight"):
        values = 1 + values * 0.1
    elif name.endswith("bias"):
        values = values * 0.1
    elif name.endswith("position_embedding.weight"):
        values = values * 0.5
    elif name.endswith("mm_input_projection_weight"):
        values = values * (3 / shape[0]) ** 0.5
    else:
        values = values * (3 / np.prod(shape[1:])) ** 0.5
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def golden(name, side, layers, rows, soft_rows):
    width, ffn, text = 1152, 4304, 2560
    vision = dict(
        hidden_size=width, intermediate_size=ffn, num_hidden_layers=layers, num_attention_heads=16, image_size=side, patch_size=14
    )
    tokens = (side // 14 // 4) ** 2
    config = Gemma3Config(text_config=dict(hidden_size=text), vision_config=vision, mm_tokens_per_image=tokens)
    config.vision_config._attn_implementation = "sdpa"
    config.vision_config.vision_use_head = False
    tower = SiglipVisionModel(config.vision_config).eval()
    projector = Gemma3MultiModalProjector(config).eval()
    for module, prefix in ((tower, "vision_tower."), (projector, "multi_modal_projector.")):
        state = {key: weights(prefix + key, tuple(value.shape)) for key, value in module.state_dict().items()}
        module.load_state_dict(state)
    pixels = torch.from_numpy(uniform("pixels", 3 * side * side).astype(np.float32)).reshape(1, 3, side, side)
    with torch.no_grad():
        result = tower(pixel_values=pixels, output_hidden_states=True)
        soft = projector(result.last_hidden_state)
    # Patches with their positions, each layer but the last, and the last normed.
    stages = result.hidden_states
    kept = [stage[0, rows].numpy().ravel() for stage in stages] + [soft[0, soft_rows].numpy().ravel()]
    np.concatenate(kept).astype(np.float32).tofile(out / f"{name}.bin")
    index = dict(side=side, layers=layers, rows=rows, softRows=soft_rows, stages=len(stages))
    (out / f"{name}.json").write_text(json.dumps(index) + "\n")
    print(name, [float(stage.abs().max()) for stage in stages], float(soft.abs().max()))


golden("part", 224, 1, [0, 17, 255], [0, 15])
golden("whole", 896, 3, [0, 63, 2080, 4095], [0, 100, 255])
