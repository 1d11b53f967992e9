import { check, G3Error } from '@g3/backend'
import type { ByteSource } from '../gguf/byte-source.js'
import { readSafetensors, type CheckpointTensor } from './header.js'
import { isObject, readJsonFile, type JsonLimits, type JsonObject } from './json.js'

/** Opens the file of this name in a checkpoint's folder; undefined when there is none. */
export type CheckpointFiles = (name: string) => Promise<ByteSource | undefined>

/** The tensors of all files of a checkpoint. */
export interface CheckpointTensors {
  /** By the names that the files give them. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
  /** Closes the files. */
  close(): Promise<void>
}

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

const INDEX_LIMITS: JsonLimits = { bytes: 16 << 20, depth: 8 }
const SHARD_LIMIT = 256

/** A file beside the index, with no way out of the folder. */
const SHARD_NAME = /^[\w-][\w.-]{0,200}\.safetensors$/

/**
 * Reads a JSON file of a checkpoint; undefined when there is none.
 * @throws G3Error `safetensors/bad-json`, `safetensors/json-too-large`
 */
export async function readCheckpointJson(
  files: CheckpointFiles,
  name: string,
  limits: JsonLimits,
  signal: AbortSignal | undefined,
): Promise<JsonObject | undefined> {
  const source = await files(name)
  if (!source) return undefined
  try {
    return await readJsonFile(source, limits, signal)
  } finally {
    await source.close?.()
  }
}

/**
 * Reads the headers of `model.safetensors`, or of the files that `model.safetensors.index.json` names.
 * @throws G3Error `safetensors/missing-file`, `safetensors/bad-index`, `safetensors/missing-tensor`, and what
 * {@link readSafetensors} throws
 */
export async function openCheckpointTensors(
  files: CheckpointFiles,
  signal: AbortSignal | undefined,
): Promise<CheckpointTensors> {
  const sources: ByteSource[] = []
  const close = async (): Promise<void> => {
    for (const source of sources.splice(0)) await source.close?.()
  }
  const open = async (name: string): Promise<ReadonlyMap<string, CheckpointTensor> | undefined> => {
    const source = await files(name)
    if (!source) return undefined
    sources.push(source)
    return (await readSafetensors(source, { signal })).tensors
  }
  try {
    const single = await open(SINGLE)
    return { tensors: single ?? (await openShards(files, open, signal)), close }
  } catch (cause) {
    await close()
    throw cause
  }
}

async function openShards(
  files: CheckpointFiles,
  open: (name: string) => Promise<ReadonlyMap<string, CheckpointTensor> | undefined>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, CheckpointTensor>> {
  const places = readIndex(await readCheckpointJson(files, INDEX, INDEX_LIMITS, signal))
  const tensors = new Map<string, CheckpointTensor>()
  for (const [shard, names] of places) {
    const held = await open(shard)
    check(
      held !== undefined,
      'safetensors/missing-file',
      () => `${INDEX} names ${shard}, which is not there: fetch it, too`,
    )
    for (const name of names) {
      const tensor = held.get(name)
      check(
        tensor !== undefined,
        'safetensors/missing-tensor',
        () => `${INDEX} has tensor ${name} in ${shard}, which lacks it: the files do not belong together`,
      )
      tensors.set(name, tensor)
    }
  }
  return tensors
}

/** File by file, the tensors that it holds. */
function readIndex(index: JsonObject | undefined): ReadonlyMap<string, readonly string[]> {
  if (!index) {
    throw new G3Error(
      'safetensors/missing-file',
      `there is no ${SINGLE} and no ${INDEX}: it is no checkpoint, or incomplete`,
    )
  }
  const { weight_map: map } = index
  const fail = (condition: boolean, what: () => string): void =>
    check(condition, 'safetensors/bad-index', () => `${INDEX} ${what()}: it is damaged, fetch it again`)
  check(isObject(map), 'safetensors/bad-index', `${INDEX} has no weight_map: it is damaged, fetch it again`)

  const shards = new Map<string, string[]>()
  for (const [name, shard] of Object.entries(map)) {
    const isName = typeof shard === 'string' && SHARD_NAME.test(shard)
    fail(
      isName,
      () => `has tensor ${name.slice(0, 80)} in ${JSON.stringify(shard).slice(0, 80)}, which is no file name`,
    )
    const names = shards.get(String(shard))
    if (names) names.push(name)
    else shards.set(String(shard), [name])
    fail(shards.size <= SHARD_LIMIT, () => `names more than ${SHARD_LIMIT} files`)
  }
  return shards
}
