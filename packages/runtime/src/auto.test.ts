import type { Workload } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { autoBackend, type AutoOptions, type Choice } from './auto.js'

/** A host whose adapter gives no device, or without an adapter. */
const host = (info?: Partial<GPUAdapterInfo>, bindingBytes = 2 ** 27): GPU => {
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: bindingBytes }
  const adapter = info && { info, limits, features: new Set(), requestDevice: () => Promise.reject(new Error('taken')) }
  return Object.assign(Object.create(null), { requestAdapter: async () => adapter ?? null })
}

const CARD = { vendor: 'nvidia', architecture: 'ampere', description: 'RTX 9', isFallbackAdapter: false }

const WORKLOAD: Workload = { tensors: [], buffers: [{ rows: 512, cols: 2048 }], caches: [], rows: 512 }

/** What was chosen, and the backend's name or the code of what opening it threw. */
async function opened(options: AutoOptions): Promise<{ choice: Choice | undefined; end: string }> {
  let choice: Choice | undefined
  const onChoice = (made: Choice): void => {
    choice = made
  }
  try {
    await using backend = await autoBackend({ workload: WORKLOAD, ...options, onChoice })
    return { choice, end: backend.caps.name }
  } catch (error) {
    return { choice, end: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
  }
}

describe('auto', () => {
  it.each<[string, AutoOptions, RegExp]>([
    ['there is no adapter', { gpu: host() }, /no adapter/],
    [
      'the adapter is software by its name',
      { gpu: host({ description: 'llvmpipe (LLVM 19)' }) },
      /llvmpipe.*on the CPU/,
    ],
    ['the host calls it software', { gpu: host({ ...CARD, isFallbackAdapter: true }) }, /RTX 9 computes on the CPU/],
    ['a buffer exceeds its bindings', { gpu: host(CARD, 2 ** 20) }, /RTX 9 binds at most 1048576 bytes.*4194304/],
    ['threads are wanted', { gpu: host(CARD), threads: 1 }, /threads/],
  ])('takes the CPU where %s', async (_, options, reason) => {
    const { choice, end } = await opened(options)
    expect(end).toBe('cpu')
    expect(choice).toEqual({ backend: 'cpu', reason: expect.stringMatching(reason) })
  })

  it('takes a GPU that has room, and does not fall back when it fails', async () => {
    const { choice, end } = await opened({ gpu: host(CARD, 2 ** 22) })
    expect(choice).toEqual({ backend: 'webgpu', reason: 'RTX 9 is a GPU and has room' })
    expect(end).toBe('webgpu/unavailable')
  })
})

describe('a backend by name', () => {
  it('is taken or refused, whatever the machine has', async () => {
    expect(await opened({ backend: 'webgpu', gpu: host() })).toMatchObject({ end: 'webgpu/unavailable' })
    expect(await opened({ backend: 'cpu', gpu: host(CARD), threads: 1 })).toEqual({
      choice: { backend: 'cpu', reason: 'it was asked for' },
      end: 'cpu',
    })
  })
})
