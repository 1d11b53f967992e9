import { isG3Error } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { configFromGguf } from '../config.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { bytesSource } from './byte-source.js'
import { readGguf } from './gguf.js'
import { tokenizerFields } from './tokenizer-fields.js'

/** Mulberry32: the same cases in each run. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below) | 0
  }
}

/** All that is done with a file before a model runs: header, vocabulary, configuration, first bytes of each tensor. */
async function open(bytes: Uint8Array): Promise<void> {
  const gguf = await readGguf(bytesSource(bytes, 'fuzzed.gguf'))
  tokenizerFields(gguf)
  configFromGguf(gguf)
  const into = new Uint8Array(1)
  for (const tensor of gguf.tensors.values()) {
    await tensor.read(0, into)
    await tensor.read(tensor.byteLength - 1, into)
  }
}

interface Outcome {
  readonly codes: ReadonlyMap<string, number>
  readonly slowestMs: number
  readonly heapGrowth: number
}

/** Opens each case. Anything thrown that is no G3Error of area `gguf` fails the test at once, with its case. */
async function survive(cases: Iterable<readonly [label: string, bytes: Uint8Array]>): Promise<Outcome> {
  const codes = new Map<string, number>()
  let slowestMs = 0
  const heapBefore = process.memoryUsage().arrayBuffers
  let heapMost = heapBefore
  for (const [label, bytes] of cases) {
    const start = performance.now()
    const error: unknown = await open(bytes).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    slowestMs = Math.max(slowestMs, performance.now() - start)
    heapMost = Math.max(heapMost, process.memoryUsage().arrayBuffers)
    if (error !== undefined && !(isG3Error(error) && error.code.startsWith('gguf/')))
      throw new Error(`${label}: ${String(error)}`, { cause: error })
    const code = error === undefined ? 'opened' : error.code
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  return { codes, slowestMs, heapGrowth: heapMost - heapBefore }
}

const original = fixtureBytes('tiny-random/tiny-text-q4_0.gguf')
const headerBytes = (await readGguf(bytesSource(original))).dataOffset

function expectBounded({ slowestMs, heapGrowth }: Outcome): void {
  expect(slowestMs).toBeLessThan(500)
  expect(heapGrowth).toBeLessThan(256 << 20)
}

describe('fuzzed files', () => {
  it('every truncation of the header, and some of the data', async () => {
    function* truncations() {
      for (let length = 0; length < headerBytes; length += 3)
        yield [`first ${length}`, original.slice(0, length)] as const
      for (let length = headerBytes; length < original.byteLength; length += 997)
        yield [`first ${length}`, original.slice(0, length)] as const
    }
    const outcome = await survive(truncations())
    expect([...outcome.codes.keys()]).toEqual(['gguf/truncated'])
    expect(outcome.codes.get('gguf/truncated')).toBeGreaterThan(5000)
    expectBounded(outcome)
  })

  it('6,000 single bit flips', async () => {
    const pick = random(1)
    function* flips() {
      for (let i = 0; i < 6000; i++) {
        const bytes = original.slice()
        const at = pick(headerBytes)
        const bit = pick(8)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        yield [`bit ${bit} of byte ${at}`, bytes] as const
      }
    }
    const outcome = await survive(flips())
    expect(outcome.codes.size).toBeGreaterThan(10)
    expectBounded(outcome)
  })

  it('6,000 hostile words and moved pieces', async () => {
    const words = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map((word) =>
      Uint8Array.from(new Uint8Array(Uint32Array.of(word).buffer)),
    )
    const longs = [0n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map(
      (word) => new Uint8Array(BigUint64Array.of(word).buffer),
    )
    const pick = random(2)
    function* mutations() {
      for (let i = 0; i < 6000; i++) {
        const bytes = original.slice()
        const places: number[] = []
        for (let n = pick(4) + 1; n > 0; n--) {
          const at = pick(headerBytes - 64)
          places.push(at)
          if (pick(4) === 0) bytes.copyWithin(at, pick(headerBytes - 64), headerBytes - 64)
          else bytes.set([...words, ...longs][pick(words.length + longs.length)] ?? [], at)
        }
        yield [`mutation ${i} at ${places.join(', ')}`, bytes] as const
      }
    }
    const outcome = await survive(mutations())
    expect(outcome.codes.size).toBeGreaterThan(10)
    expectBounded(outcome)
  })

  it('2,000 files of noise behind a sound start', async () => {
    const pick = random(3)
    function* noise() {
      for (let i = 0; i < 2000; i++) {
        const bytes = Uint8Array.from({ length: 24 + pick(2000) }, () => pick(pick(2) === 0 ? 256 : 16))
        bytes.set(original.subarray(0, 8))
        bytes.set(Uint8Array.of(pick(3), 0, 0, 0, 0, 0, 0, 0, pick(5), 0, 0, 0, 0, 0, 0, 0), 8)
        yield [`noise ${i}`, bytes] as const
      }
    }
    expectBounded(await survive(noise()))
  })
})
