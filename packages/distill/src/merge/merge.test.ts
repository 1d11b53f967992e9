import { reference } from '@g3/backend'
import { loadModel } from '@g3/runtime'
import { bytesSource, readGguf } from '@g3/runtime/gguf'
import { describe, expect, it } from 'vitest'
import { bytesAt, tinyFile } from '../testing/tiny-model.js'
import { merged, type MergeOptions } from './merge.js'

const adapter = (name: string) => readGguf(bytesSource(bytesAt(`runtime/fixtures/lora/${name}`), name))
const FILE = 'tiny-text-f32.gguf'

async function mergedFile(options: MergeOptions = {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of merged(await readGguf(tinyFile(FILE)), await adapter('attn.gguf'), options))
    pieces.push(piece.slice())
  return Buffer.concat(pieces)
}

describe('a merged model', () => {
  it.each([
    ['F16', 1, 0.01],
    ['F16', -0.5, 0.01],
    ['Q8_0', 1, 0.3],
  ] as const)('in %s, times %d, gives the logits of the model with the adapter', async (type, scale, bound) => {
    const ids = Int32Array.of(2, 100, 90, 300, 41, 8)
    await using backend = reference()
    await using beside = await loadModel({ source: tinyFile(FILE), backend, context: 64 })
    const plain = await beside.logits(ids)
    const loaded = await beside.adapters.load(bytesSource(bytesAt('runtime/fixtures/lora/attn.gguf'), 'attn.gguf'))
    await beside.adapters.use([{ adapter: loaded, scale }])
    const want = await beside.logits(ids)
    await using model = await loadModel({
      source: bytesSource(await mergedFile({ type, scale }), 'merged'),
      backend,
      context: 64,
    })
    const got = await model.logits(ids)
    const apart = (other: Float32Array): number =>
      got.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0)
    expect(apart(want)).toBeLessThan(bound)
    expect(apart(plain)).toBeGreaterThan(2 * bound)
  })

  it('keeps every key, and the tensors that are not adapted, to the bit', async () => {
    const [before, after] = [await readGguf(tinyFile(FILE)), await readGguf(bytesSource(await mergedFile(), 'merged'))]
    expect(after.metadata).toEqual(before.metadata)
    const bytesOf = async ({ tensors }: typeof before, name: string): Promise<Uint8Array> => {
      const tensor = tensors.get(name) ?? expect.fail(name)
      const bytes = new Uint8Array(tensor.byteLength)
      await tensor.read(0, bytes)
      return bytes
    }
    for (const name of ['token_embd.weight', 'blk.3.ffn_up.weight'])
      expect(await bytesOf(after, name)).toEqual(await bytesOf(before, name))
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()])
  })

  it('cannot hold an adapter of the embedding', async () => {
    const pieces = merged(await readGguf(tinyFile(FILE)), await adapter('all.gguf'))
    await expect(pieces.next()).rejects.toMatchObject({ code: 'distill/cannot-merge' })
  })
})
