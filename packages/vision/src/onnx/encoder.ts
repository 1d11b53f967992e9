import { check, G3Error } from '@g3/backend'
import type { VisionEncoder } from '../encoder.js'
import { blobOf, nameOf, type OnnxFile } from './files.js'
import type { DataFile, Provider, Reply, Request } from './protocol.js'
import { sizesOf, type OnnxSizes } from './sizes.js'
import { startThread, type Thread } from './thread.js'

export interface OnnxEncoderOptions extends OnnxSizes {
  /** `vision_encoder.onnx`, or one of its kinds: `_fp16`, `_q4`, `_bnb4`, `_quantized` and so on. */
  readonly model: OnnxFile
  /** Weights that lie beside it, by the names that it has for them, such as `vision_encoder.onnx_data`. */
  readonly data?: Readonly<Record<string, OnnxFile>>
  /** Where to compute, the first that can. Default `['wasm']`; `['webgpu', 'wasm']` in pages. */
  readonly providers?: readonly Provider[]
  /** Threads of the CPU. Default: ONNX Runtime's. */
  readonly threads?: number
  readonly signal?: AbortSignal
}

/** An encoder of ONNX Runtime's, which computes beside the backend. */
export interface OnnxEncoder extends VisionEncoder, AsyncDisposable {
  readonly name: string
}

/**
 * Opens an image encoder of the hub's ONNX conversions, in a worker of its own: `pixel_values` [n, 3, side, side] ->
 * `image_features` [n, tokens, width], projector included. Its runtime, `onnxruntime-web`, is loaded now and not before.
 * An abort ends the worker at once; the next view starts another. Progress is told once, as the only layer.
 * @throws G3Error `vision/onnx-runtime` where onnxruntime-web is not installed, `vision/onnx-model` for a file that it cannot
 * open, `vision/onnx-ends` for one that is no such encoder, `vision/onnx-size` for a size that neither the model nor the
 * options tell, `vision/onnx-fetch`; from `encode`, too: `vision/onnx-run`, `vision/onnx-output`, `vision/onnx-disposed`; the
 * signal's reason
 */
export async function onnxEncoder(options: OnnxEncoderOptions): Promise<OnnxEncoder> {
  const { providers = ['wasm'], threads, signal } = options
  const model = await blobOf(options.model, signal)
  const beside = new Map<string, Blob>()
  for (const [name, file] of Object.entries(options.data ?? {})) beside.set(name, await blobOf(file, signal))
  const name = await nameOf([model, ...beside.values()])

  /** A worker with the model, as what it says of its ends. */
  const start = async (stop: AbortSignal | undefined) => {
    // Bytes, for Node cannot send a file's Blob; the worker takes them over, so that they are in memory once.
    const data: DataFile[] = []
    for (const [file, blob] of beside) data.push({ name: file, data: await bytesOf(blob) })
    const request = { kind: 'open', model: await bytesOf(model), data, providers, threads } as const
    const give = [request.model, ...data.map((file) => file.data)].map(({ buffer }) => buffer)
    const thread = startThread()
    const reply = await answer(thread, request, stop, give)
    if (reply.kind === 'opened') return { thread, input: reply.input, output: reply.output }
    thread.terminate()
    throw problem(reply)
  }
  const first = await start(signal)
  let thread: Thread | undefined = first.thread
  try {
    const { side, tokens, width } = sizesOf(first.input, first.output, options)
    let busy = false
    let disposed = false
    return {
      name,
      side,
      tokens,
      width,
      async encode(pixels, { signal: stop, onProgress } = {}) {
        check(!disposed, 'vision/onnx-disposed', 'this encoder was disposed; open it again')
        check(
          pixels.length === 3 * side * side,
          'vision/bad-pixels',
          () => `${pixels.length} values are no view of 3 x ${side} x ${side}; give one of preprocess's pixels`,
        )
        check(!busy, 'vision/busy', 'a view is being encoded; wait for that first')
        stop?.throwIfAborted()
        busy = true
        try {
          thread ??= (await start(stop)).thread
          const reply = await answer(thread, { kind: 'encode', pixels: Float32Array.from(pixels), side }, stop)
          if (reply.kind !== 'encoded') throw problem(reply)
          const { values, dims } = reply
          check(
            dims.at(-1) === width && values.length === tokens * width,
            'vision/onnx-output',
            () =>
              `the encoder makes ${dims.join(' x ')} values of a view, not ${tokens} x ${width}: it is another model's`,
          )
          onProgress?.(1, 1)
          return values
        } catch (cause) {
          // What was aborted still computes, and a worker that failed is of no use.
          thread?.terminate()
          thread = undefined
          throw cause
        } finally {
          busy = false
        }
      },
      async [Symbol.asyncDispose]() {
        disposed = true
        thread?.terminate()
        thread = undefined
      },
    }
  } catch (cause) {
    thread.terminate()
    throw cause
  }
}

const bytesOf = async (blob: Blob): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await blob.arrayBuffer())

/** What a worker answers, unless the signal comes first or the worker fails. */
async function answer(
  thread: Thread,
  request: Request,
  signal: AbortSignal | undefined,
  give?: ArrayBuffer[],
): Promise<Reply> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const listen = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', listen)
  try {
    signal?.throwIfAborted()
    return await Promise.race([thread.ask(request, give), aborted])
  } catch (cause) {
    thread.terminate()
    signal?.throwIfAborted()
    throw new G3Error('vision/onnx-run', `the worker of the image encoder failed: ${String(cause)}`, { cause })
  } finally {
    signal?.removeEventListener('abort', listen)
  }
}

function problem(reply: Reply): G3Error {
  const message = reply.kind === 'failed' ? reply.message : 'an answer to something else'
  const code = reply.kind === 'failed' ? reply.code : 'run'
  switch (code) {
    case 'runtime':
      return new G3Error(
        'vision/onnx-runtime',
        `onnxruntime-web cannot be loaded (${message}): install it with \`npm install onnxruntime-web\``,
      )
    case 'model':
      return new G3Error(
        'vision/onnx-model',
        `ONNX Runtime cannot open the image encoder (${message}): fetch it again, with the files of weights beside it`,
      )
    case 'run':
      return new G3Error('vision/onnx-run', `ONNX Runtime failed on an image: ${message}`)
    default:
      return code satisfies never
  }
}
