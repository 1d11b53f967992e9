import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Gemma3 } from '../model/gemma3.js'
import { bytesSource, readGguf } from '../gguf/index.js'
import type { Adapter } from '../lora/adapters.js'
import { fixturePath } from './fixtures.js'

/** Logits of a model with some adapters, as `tooling/lora/make_goldens.py` makes them. */
export interface LoraCase {
  readonly adapters: readonly { readonly file: string; readonly scale: number }[]
  readonly prompt: string
  readonly ids: readonly number[]
  /** Logits after the last `rows` ids. */
  readonly logits: string
  readonly rows: number
}

/** @param folder default: those of the tiny random model */
export function loraGoldens(folder = fixturePath('lora')) {
  const bytes = (file: string): Uint8Array<ArrayBuffer> => Uint8Array.from(readFileSync(join(folder, file)))
  const { cases }: { readonly cases: readonly LoraCase[] } = JSON.parse(new TextDecoder().decode(bytes('goldens.json')))
  return {
    cases,
    bytes,
    /** The first case with just these adapters. */
    caseOf: (...files: readonly string[]): LoraCase => {
      const found = cases.find(({ adapters }) => adapters.map(({ file }) => file).join() === files.join())
      if (found === undefined) throw new Error(`no golden of ${files.join(' and ')}`)
      return found
    },
    logits: ({ logits }: LoraCase): Float32Array => new Float32Array(bytes(logits).buffer),
    load: async (model: Gemma3, file: string): Promise<Adapter> =>
      model.adapters.load(await readGguf(bytesSource(bytes(file), file))),
  }
}

/** What a model gives after each of the last `rows` ids, [rows, vocab], under the adapters in use. */
export async function lastLogits(model: Gemma3, ids: readonly number[], rows: number): Promise<Float32Array> {
  using text = model.sequence()
  const { vocab } = model.config
  const found = new Float32Array(rows * vocab)
  const first = ids.length - rows
  await text.scores(ids, (position, logits) => {
    if (position >= first) found.set(logits, (position - first) * vocab)
  })
  return found
}
