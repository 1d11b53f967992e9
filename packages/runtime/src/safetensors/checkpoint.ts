import { check, type PackedTensor } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { openCheckpointTensors, readCheckpointJson, type CheckpointFiles } from './checkpoint-files.js'
import { configFromJson } from './config.js'
import type { JsonLimits, JsonObject } from './json.js'
import { textTensors } from './tensors.js'
import { visionPart, type CheckpointVision } from './vision.js'

/** What a checkpoint holds: the text model, and its image encoder. Weights stay where they are until somebody reads them. */
export interface Checkpoint {
  readonly config: Gemma3Config
  /** config.json as it is. */
  readonly json: JsonObject
  /** By GGUF's names, ready for `loadGemma3`. */
  readonly tensors: ReadonlyMap<string, PackedTensor>
  /** Undefined for a checkpoint without an image encoder. */
  readonly vision: CheckpointVision | undefined
  /** Closes the files. */
  close(): Promise<void>
}

const CONFIG_LIMITS: JsonLimits = { bytes: 1 << 20, depth: 16 }

/**
 * Opens a checkpoint as Hugging Face's hub has it: `config.json` and `model.safetensors`, or the latter in parts with
 * `model.safetensors.index.json`.
 * @throws G3Error with a code `safetensors/…` for what is wrong with the files
 */
export async function openCheckpoint(
  files: CheckpointFiles,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Checkpoint> {
  const { signal } = options
  const json = await readCheckpointJson(files, 'config.json', CONFIG_LIMITS, signal)
  check(json !== undefined, 'safetensors/missing-file', 'there is no config.json: it is no checkpoint, or incomplete')
  const config = configFromJson(json)
  const { tensors, close } = await openCheckpointTensors(files, signal)
  try {
    return {
      config,
      json,
      tensors: textTensors(tensors, config),
      vision: visionPart(json, tensors, config.width),
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
