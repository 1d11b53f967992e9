import { fromHalf, toHalf } from '@g3/backend'
import type { InferenceSession } from 'onnxruntime-web'
import { INPUT, OUTPUT, type End, type Provider, type Reply, type Request } from './protocol.js'

// ONNX Runtime's WASM blocks its thread while it computes, a minute for one image. So it has this one to itself.

/** A worker's end of its channel, in a page and in Node. */
interface Port {
  postMessage(message: Reply, transfer: ArrayBuffer[]): void
  listen(take: (request: Request) => void): void
}

declare const process: { getBuiltinModule(id: 'node:worker_threads'): { parentPort: NodePort | null } } | undefined
interface NodePort {
  postMessage(message: Reply, transfer: ArrayBuffer[]): void
  on(event: 'message', take: (request: Request) => void): void
}

function openPort(): Port | undefined {
  const node = typeof process === 'undefined' ? undefined : process.getBuiltinModule('node:worker_threads').parentPort
  if (node) return { postMessage: (...args) => node.postMessage(...args), listen: (take) => node.on('message', take) }
  if (typeof self === 'undefined') return undefined
  return {
    postMessage: (message, transfer) => self.postMessage(message, { transfer }),
    listen: (take) => self.addEventListener('message', ({ data }) => take(data)),
  }
}

type Runtime = typeof import('onnxruntime-web')

const load = (providers: readonly Provider[]): Promise<Runtime> =>
  providers.includes('webgpu') ? import('onnxruntime-web/webgpu') : import('onnxruntime-web')

let runtime: Runtime | undefined
let session: InferenceSession | undefined
let inputType = 'float32'

async function open({ model, data, providers, threads }: Request & { kind: 'open' }): Promise<Reply> {
  try {
    runtime = await load(providers)
  } catch (cause) {
    return failed('runtime', cause)
  }
  if (threads !== undefined) runtime.env.wasm.numThreads = threads
  // What the graph's constants make it say is nothing that a user can act on.
  runtime.env.logLevel = 'error'
  try {
    session = await runtime.InferenceSession.create(model, {
      executionProviders: [...providers],
      ...(data.length > 0 && { externalData: data.map(({ name: path, data: bytes }) => ({ path, data: bytes })) }),
    })
  } catch (cause) {
    return failed('model', cause)
  }
  const input = endOf(session.inputMetadata, INPUT)
  inputType = input?.type ?? inputType
  return { kind: 'opened', input, output: endOf(session.outputMetadata, OUTPUT) }
}

function endOf(ends: readonly InferenceSession.ValueMetadata[], name: string): End | undefined {
  const found = ends.find((end) => end.name === name)
  return found?.isTensor ? { type: found.type, shape: found.shape } : undefined
}

async function encode({ pixels, side }: Request & { kind: 'encode' }): Promise<Reply> {
  try {
    if (!runtime || !session) throw new Error('no model is open')
    const dims = [1, 3, side, side]
    const input =
      inputType === 'float16'
        ? new runtime.Tensor('float16', Uint16Array.from(pixels, toHalf), dims)
        : new runtime.Tensor('float32', pixels, dims)
    const { [OUTPUT]: output } = await session.run({ [INPUT]: input })
    const values = floats(await output.getData())
    const shape = [...output.dims]
    input.dispose()
    output.dispose()
    return { kind: 'encoded', values, dims: shape }
  } catch (cause) {
    return failed('run', cause)
  }
}

/** f32, f16, or f16 as their bits where the engine has no such numbers. */
function floats(data: ArrayLike<unknown>): Float32Array<ArrayBuffer> {
  if (data instanceof Uint16Array) return Float32Array.from(data, fromHalf)
  return Float32Array.from(data, Number)
}

const failed = (code: 'runtime' | 'model' | 'run', cause: unknown): Reply => ({
  kind: 'failed',
  code,
  message: cause instanceof Error ? cause.message : String(cause),
})

const port = openPort()
port?.listen(async (request) => {
  const reply = request.kind === 'open' ? await open(request) : await encode(request)
  port.postMessage(reply, reply.kind === 'encoded' ? [reply.values.buffer] : [])
})
