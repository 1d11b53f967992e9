import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { estimate } from '@g3/runtime'
import { autoFootprint } from '@g3/runtime/auto'
import { readGguf } from '@g3/runtime/gguf'
import { describe, expect, it } from 'vitest'
import { openModelFile } from '../loading.js'
import { resolveModel } from '../models/resolve.js'

const GROWTH = fileURLToPath(new URL('../testing/growth.mjs', import.meta.url))

describe('the estimate for the 270M', () => {
  it.each([1, 2])('is what a process grows by while 4,096 tokens fill its context, within 5 %%, threads %i', async (threads) => {
    const { path } = await resolveModel('gemma-3-270m', { log: console.error })
    const source = await openModelFile(path)
    const gguf = await readGguf(source)
    await source.close?.()
    const context = 4096
    const { peakBytes } = estimate({ gguf, context, footprint: await autoFootprint({ threads }) })
    const { stdout } = await promisify(execFile)(process.execPath, [GROWTH, path, String(context), String(threads)])
    expect(Number(stdout)).toBeGreaterThan(peakBytes * 0.95)
    expect(Number(stdout)).toBeLessThan(peakBytes * 1.05)
  }, 120_000)
})
