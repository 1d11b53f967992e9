import { failureOf } from './failure.js'
import { backendOf, GOODBYE_MS, type Driver, type Job, type OpenDriver, type Reply, type Request } from './protocol.js'

// An engine's process: it measures when it is told to and is idle otherwise, so that engines can take turns.

async function driverOf(job: Job): Promise<OpenDriver> {
  const { name, host } = job.engine
  switch (name) {
    case 'g3':
      return host ? (await import('./g3-chromium-driver.js')).openG3InChromium : (await import('./g3-driver.js')).openG3
    case 'node-llama-cpp':
      return (await import('./node-llama-cpp-driver.js')).openNodeLlamaCpp
    case 'wllama':
      return backendOf(job) === 'webgpu'
        ? (await import('./wllama-node-driver.js')).openWllamaInNode
        : (await import('./wllama-driver.js')).openWllama
    default:
      return name satisfies never
  }
}

let driver: Driver | undefined

async function answer(request: Request): Promise<Reply> {
  if (request.kind === 'load') {
    const openDriver = await driverOf(request.job)
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
    case 'gpu':
      return { kind: 'gpu', facts: await driver.gpu?.() }
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
