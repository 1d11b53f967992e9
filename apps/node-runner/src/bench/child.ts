import type { EngineName } from './engine-spec.js'
import { failureOf } from './failure.js'
import { GOODBYE_MS, type Driver, type OpenDriver, type Reply, type Request } from './protocol.js'

// An engine's process: it measures when it is told to and is idle otherwise, so that engines can take turns.

const open: Readonly<Record<EngineName, () => Promise<OpenDriver>>> = {
  g3: async () => (await import('./g3-driver.js')).openG3,
  'node-llama-cpp': async () => (await import('./node-llama-cpp-driver.js')).openNodeLlamaCpp,
  wllama: async () => (await import('./wllama-driver.js')).openWllama,
}

let driver: Driver | undefined

async function answer(request: Request): Promise<Reply> {
  if (request.kind === 'load') {
    const openDriver = await open[request.job.engine.name]()
    const start = performance.now()
    driver = await openDriver(request.job)
    return { kind: 'loaded', loadMs: performance.now() - start }
  }
  if (!driver) throw new Error('nothing is loaded')
  switch (request.kind) {
    case 'round':
      return { kind: 'round', round: await driver.round() }
    case 'decode':
      if (!driver.decode) throw new Error('this engine decodes no batches')
      return { kind: 'decoded', tokensPerSecond: await driver.decode(request.batch, request.context) }
    case 'memory':
      return { kind: 'memory', peakRssBytes: await driver.peakRssBytes() }
    default:
      return request satisfies never
  }
}

process.on('message', async (request: Request) => {
  let reply: Reply
  try {
    reply = await answer(request)
  } catch (error) {
    reply = { kind: 'failed', ...failureOf(error) }
  }
  process.send?.(reply)
})

// A terminal sends Ctrl-C to all; the parent decides, and closes the channel.
process.on('SIGINT', () => {})
process.on('disconnect', async () => {
  setTimeout(() => process.exit(), GOODBYE_MS)
  await driver?.dispose().catch(() => undefined)
  process.exit()
})
