import { resolve } from 'node:path'
import { G3Error } from '@g3/backend'
import { merged } from '@g3/distill'
import { readGguf } from '@g3/runtime/gguf'
import { onInterrupt } from '../interrupt.js'
import { findModel, openModelFile } from '../loading.js'
import type { AdapterFlag } from '../options.js'
import { print } from '../output.js'
import { byteProgress } from '../progress.js'
import { writeWholeFile } from '../whole-file.js'

export interface MergeFlags {
  readonly model?: string
  readonly lora: readonly AdapterFlag[]
  readonly type: 'f16' | 'q8_0'
  readonly out: string
}

const TYPES = { f16: 'F16', q8_0: 'Q8_0' } as const

/** `g3 distill merge`: a model with an adapter in its matrices, as a GGUF file. */
export async function distillMerge({ model, lora, type, out }: MergeFlags): Promise<void> {
  const [adapter, ...more] = lora
  if (adapter === undefined || more.length > 0)
    throw new G3Error('cli/usage', 'give one adapter with --lora; merge several one after the other')
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const file = await findModel(model, signal)
  if (resolve(out) === resolve(file.path))
    throw new G3Error('cli/usage', '--out is the model itself: give another name')
  const [source, adapterSource] = [await openModelFile(file.path), await openModelFile(adapter.path)]
  try {
    const [base, added] = [await readGguf(source, { signal }), await readGguf(adapterSource, { signal })]
    using progress = byteProgress('merging')
    const pieces = merged(base, added, { scale: adapter.scale, type: TYPES[type], signal, onProgress: progress.update })
    await writeWholeFile(out, pieces)
  } finally {
    await source.close?.()
    await adapterSource.close?.()
  }
  await print(`${out}\n`)
}
