import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { reference } from '@g3/backend'
import { loadModel } from '@g3/runtime'
import { describe, expect, it } from 'vitest'
import type { BrowserReport } from '../bench/webgpu/browser-bench.js'
import { inChromium } from '../testing/chromium.js'
import type { ModelResult, SuiteResult } from './page.js'

const isWhole = process.env.G3_CHROMIUM === 'whole'

const MODELS = new URL('../../../../packages/runtime/fixtures/tiny-random/', import.meta.url)
const read = (name: string): Buffer<ArrayBuffer> => readFileSync(new URL(name, MODELS))
const { prompts, ggufLogits } = JSON.parse(read('goldens.json').toString())

/** Files of types that backends hold, with Hugging Face's logits for them. */
const FILES = Object.entries<string>(ggufLogits).filter(([file]) => !file.includes('iq3_s'))

const TOKENS = isWhole ? 8 : 2

/** SwiftShader runs each worker of a group by itself: seconds for a file, hours for the whole suite. */
const TIMEOUT = (isWhole ? 240 : 10) * 60_000

const call = (name: string, argument: unknown, files: Readonly<Record<string, string>> = {}): Promise<unknown> =>
  inChromium({ module: fileURLToPath(new URL('page.ts', import.meta.url)), name, argument, files, timeoutMs: TIMEOUT })

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'in a page of headless Chromium, on SwiftShader',
  () => {
    it.each(isWhole ? FILES : FILES.slice(4, 5))(
      '%s: the tokens of the reference, the logits of Hugging Face',
      async (file, golden) => {
        const prompt: number[] = prompts.text_long.ids
        const path = fileURLToPath(new URL(file, MODELS))
        const result = await call('runModel', { file: '/model.gguf', prompt, tokens: TOKENS }, { '/model.gguf': path })
        const { adapter, ids, logits } = result as ModelResult
        expect(adapter).toMatch(/swiftshader/i)
        const want = new Float32Array(new Uint8Array(read(golden)).buffer).slice(-512)
        expect(Math.max(...logits.map((logit, i) => Math.abs(logit - want[i])))).toBeLessThan(1e-3)

        await using backend = reference()
        await using model = await loadModel({ source: read(file), backend })
        const written = await model.generate(Int32Array.from(prompt), { temperature: 0, maxTokens: TOKENS }).result()
        expect(ids).toEqual(written.ids)
      },
      TIMEOUT,
    )

    it('auto knows a driver that computes on the CPU', async () => {
      const reason = expect.stringMatching(/swiftshader computes on the CPU/)
      expect(await call('chooseHere', undefined)).toEqual({ backend: 'cpu', reason })
    })

    it.runIf(isWhole)(
      'a bench counts in a page what it counts in Node, and times each kernel',
      async () => {
        const path = fileURLToPath(new URL('tiny-text-q8_0.gguf', MODELS))
        const { g3, counters, perOp } = (await call('runBench', '/model.gguf', {
          '/model.gguf': path,
        })) as BrowserReport
        // As `g3 bench --precision exact --prompt 8 --generate 4` has it.
        expect(g3).toMatchObject({ adapter: expect.stringMatching(/swiftshader/i), checksum: '57978d94' })
        expect(counters).toMatchObject({ dispatchesPerLayer: 8, bindGroupsPerToken: 0, submitsPerToken: 1 })
        const timed = perOp?.reduce((sum, op) => sum + op.dispatchesPerToken, 0)
        expect(timed).toBe(counters.dispatchesPerToken)
      },
      TIMEOUT,
    )

    it.each(isWhole ? [false, true] : [false])(
      'the conformance suite, subgroups: %s',
      async (subgroups) => {
        const few = { parts: ['norm'], types: ['Q5_0'], subgroups }
        const { passed, failed } = (await call('runSuite', isWhole ? { subgroups } : few)) as SuiteResult
        console.log(`${passed.length} tests of the suite passed in Chromium`)
        expect(failed).toEqual([])
        expect(passed.length).toBeGreaterThanOrEqual(5)
      },
      TIMEOUT,
    )
  },
)
