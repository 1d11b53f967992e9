# One layer of an image encoder at true size as ONNX, with random weights, for `tower.mjs --models`: layer-f32.onnx, and layer-int8.onnx
# as onnxruntime's dynamic quantisation makes it. Needs torch, transformers, onnx and onnxruntime.
#   python lab/tower-onnx.py FOLDER [ROWS]
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipEncoderLayer

folder = Path(sys.argv[1])
rows = int(sys.argv[2]) if len(sys.argv) > 2 else 4096
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)
config = SiglipVisionConfig(
    hidden_size=1152, intermediate_size=4304, num_attention_heads=16, image_size=896, patch_size=14,
    attn_implementation="eager",
)
layer = SiglipEncoderLayer(config).eval()


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        y = self.layer(x, None)
        return y[0] if isinstance(y, tuple) else y


plain, int8 = folder / "layer-f32.onnx", folder / "layer-int8.onnx"
torch.onnx.export(
    Layer(), (torch.randn(1, rows, 1152),), plain, opset_version=17, dynamo=False,
    input_names=["x"], output_names=["y"],
)
quantize_dynamic(plain, int8, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
for file in plain, int8:
    print(file, file.stat().st_size)
