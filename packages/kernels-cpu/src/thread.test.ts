import { Worker as NodeWorker } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { cpu } from './cpu.js'

afterEach(() => void vi.unstubAllGlobals())

it('threads start where a library has left worker threads under the name of Web Workers', async () => {
  vi.stubGlobal('Worker', NodeWorker)
  const backend = await cpu({ threads: 2 })
  expect(backend.caps.description).toContain('2 threads')
  await backend.dispose()
})
