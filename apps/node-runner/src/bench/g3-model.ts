import { check, isG3Error } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { loadGemma3, openModel, type TextSequence } from '@g3/runtime'
import type { ByteSource } from '@g3/runtime/gguf'
import { roundOf, type Driver, type Job } from './protocol.js'

/** Ourselves, one layer below generation: there an end mark would end the round. Runs in pages, too. */
export type G3Model = Required<Pick<Driver, 'round' | 'decode' | 'dispose'>>

/** Loads the model of a job. Takes the source over. */
export async function loadG3(source: ByteSource, { engine, threads, prompt, generate, sequences }: Job): Promise<G3Model> {
  const { precision, simd } = engine
  const backend = await cpu({ threads, ...(precision && { precision }), ...(simd && { simd }) })
  check(backend.caps.threads === threads, 'bench/engine-failed', `${threads} threads cannot share memory here`)
  const opened = await openModel(source)
  const model = await loadGemma3(backend, opened.tensor, opened.config, {
    context: prompt.length + generate + 1,
    sequences,
  })
  await opened.close()
  const all = Array.from({ length: sequences }, () => model.sequence())
  const [sequence] = all

  return {
    async round() {
      sequence.reset()
      const start = performance.now()
      await sequence.append(prompt)
      let id = await sequence.pick()
      const first = performance.now()
      for (let made = 0; made < generate; made++) {
        sequence.step(id)
        id = await sequence.pick()
      }
      return roundOf({ prompt, generate }, start, first, performance.now())
    },
    async decode(count, context) {
      const members = all.slice(0, count)
      for (const member of members) await bringTo(member, context, prompt)
      const batch = model.batch(members)
      const ids = await batch.pick()
      const start = performance.now()
      for (let made = 0; made < generate; made++) {
        batch.step(ids)
        await batch.pick(ids)
      }
      return ((count * generate) / (performance.now() - start)) * 1000
    },
    dispose: () => backend.dispose(),
  }
}

/** Brings a sequence to `length` tokens, the last one read anew, and keeps what it can: the prompt's text matters not. */
async function bringTo(sequence: TextSequence, length: number, prompt: readonly number[]): Promise<void> {
  if (sequence.length >= length) {
    try {
      sequence.rewind(length - 1)
    } catch (error) {
      if (!isG3Error(error) || error.code !== 'kv-cache/rewound-past-window') throw error
      sequence.reset()
    }
  }
  await sequence.append(prompt.slice(sequence.length, length))
}
