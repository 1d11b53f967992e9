import { check, G3Error } from '@g3/backend'
import { tokenizerFromJson, type Tokenizer } from '@g3/tokenizer'
import {
  openCheckpoint,
  readCheckpointJson,
  type Checkpoint,
  type CheckpointFiles,
  type JsonLimits,
  type JsonObject,
} from '../safetensors/index.js'
import type { OpenedModel } from './opened-model.js'

/** Gemma's has 33 MB. */
const TOKENIZER_LIMITS: JsonLimits = { bytes: 128 << 20, depth: 16 }
const SETTINGS_LIMITS: JsonLimits = { bytes: 16 << 20, depth: 16 }

/**
 * The model in a checkpoint's folder: config.json, tokenizer.json and the weights in safetensors.
 * @throws G3Error `safetensors/…`, `tokenizer/…`
 */
export async function openCheckpointModel(
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<OpenedModel> {
  const checkpoint = await openCheckpoint(files, { signal })
  try {
    const tokenizer = await readTokenizer(files, signal)
    const { vision } = checkpoint
    return {
      name: nameOf(checkpoint),
      config: checkpoint.config,
      tokenizer,
      instructionTuned: await isTuned(files, checkpoint, tokenizer, signal),
      tensor: (name) => tensorOf(checkpoint.tensors, name),
      ...(vision && {
        encoder: { config: vision.config, tensor: (name) => tensorOf(vision.tensors, name), close: async () => {} },
      }),
      close: checkpoint.close,
    }
  } catch (cause) {
    await checkpoint.close()
    throw cause
  }
}

/** The tokenizer of a checkpoint's folder. @throws G3Error `safetensors/missing-file`, `tokenizer/…` */
async function readTokenizer(files: CheckpointFiles, signal: AbortSignal | undefined): Promise<Tokenizer> {
  const json = await readCheckpointJson(files, 'tokenizer.json', TOKENIZER_LIMITS, signal)
  check(json !== undefined, 'safetensors/missing-file', 'there is no tokenizer.json beside the weights: fetch it, too')
  return tokenizerFromJson(json)
}

function tensorOf(tensors: Checkpoint['tensors'], name: string) {
  const tensor = tensors.get(name)
  if (!tensor) throw new G3Error('safetensors/missing-tensor', `the checkpoint has no tensor for ${name}`)
  return tensor
}

function nameOf({ json }: Checkpoint): string {
  const { _name_or_path: name } = json
  return typeof name === 'string' && name !== '' ? name : 'safetensors checkpoint'
}

/** A checkpoint that ends texts with the end of a turn, or brings a turn template, is meant to be talked to. */
async function isTuned(
  files: CheckpointFiles,
  { json }: Checkpoint,
  { endOfTurn }: Tokenizer,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const generation = await readCheckpointJson(files, 'generation_config.json', SETTINGS_LIMITS, signal)
  const ends = [json, generation ?? {}].flatMap((settings: JsonObject) => settings['eos_token_id'])
  if (endOfTurn !== undefined && ends.includes(endOfTurn)) return true
  const tokenizer = await readCheckpointJson(files, 'tokenizer_config.json', SETTINGS_LIMITS, signal)
  if (tokenizer?.['chat_template']) return true
  const template = await files('chat_template.jinja')
  await template?.close?.()
  return template !== undefined
}
