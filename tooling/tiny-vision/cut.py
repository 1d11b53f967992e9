"""Writes vocabulary.json, the cut of the tokenizer: `python cut.py gemma-3-270m.gguf`."""

import sys
from pathlib import Path

import draw
import spelling

vocabulary = spelling.cut_vocabulary(sys.argv[1], draw.every_text())
spelling.save(vocabulary, Path(__file__).parent / "vocabulary.json")
print(len(vocabulary["pieces"]), "pieces")
