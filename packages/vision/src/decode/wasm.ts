import { G3Error } from '@g3/backend'
import type { RgbImage } from '../image.js'
import { rgbaOverWhite } from './over-white.js'

/** What the codecs of jSquash return: alpha not multiplied in. */
export interface Rgba {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint8ClampedArray
}

interface CodecOptions {
  readonly noInitialRun: true
  readonly print: (line: string) => void
  readonly printErr: (line: string) => void
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ) => WebAssembly.Exports
}

/** The loader that Emscripten made for a codec. */
export type CodecFactory<Codec> = (options: CodecOptions) => Promise<Codec>

const WASM_PAGE = 65_536

/**
 * Decodes with a codec of its own instance, which is let go afterwards: a damaged file can leave it in any state.
 * @param packed the codec's WASM: gzip, base64
 * @param maxBytes most memory that it may grow to; what it asks for beyond that it does not get
 * @throws G3Error `vision/damaged`
 */
export async function decodeWithCodec<Codec>(
  factory: CodecFactory<Codec>,
  packed: string,
  maxBytes: number,
  decode: (codec: Codec) => Rgba | null,
): Promise<RgbImage> {
  const module = await WebAssembly.compile(await unpack(packed))
  const said: string[] = []
  const note = (line: string): void => {
    if (said.length < 8) said.push(line)
  }
  const failed = Promise.withResolvers<never>()
  const start = async (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): Promise<void> => {
    const instance = await WebAssembly.instantiate(module, imports)
    for (const value of Object.values(instance.exports)) {
      if (value instanceof WebAssembly.Memory) limitGrowth(value, maxBytes)
    }
    withImageData(() => done(instance))
  }
  const starting = withImageData(() =>
    factory({
      noInitialRun: true,
      print: note,
      printErr: note,
      instantiateWasm(imports, done) {
        start(imports, done).catch(failed.reject)
        return {}
      },
    }),
  )
  const codec = await Promise.race([starting, failed.promise])
  let found: Rgba | null = null
  let cause: unknown
  try {
    found = withImageData(() => decode(codec))
  } catch (error) {
    cause = error
  }
  if (found) return rgbaOverWhite(found.data, found.width, found.height)
  const why = said.length > 0 ? `: ${said.join('; ')}` : ''
  throw new G3Error('vision/damaged', `the image cannot be decoded${why}. Save or fetch it again`, { cause })
}

async function unpack(packed: string): Promise<ArrayBuffer> {
  const gzip = new Blob([Uint8Array.from(atob(packed), (char) => char.charCodeAt(0))])
  return new Response(gzip.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer()
}

/**
 * The codecs return a page's `ImageData`, and where there is none they would leave one of their own on globalThis. Here it is lent
 * for as long as they run without a pause.
 */
function withImageData<T>(run: () => T): T {
  if ('ImageData' in globalThis) return run()
  const made = function (data: Uint8ClampedArray, width: number, height: number): Rgba {
    return { data, width, height }
  }
  Reflect.set(globalThis, 'ImageData', made)
  try {
    return run()
  } finally {
    Reflect.deleteProperty(globalThis, 'ImageData')
  }
}

/** Emscripten's allocator asks the memory's own `grow`, and takes an error for an answer. */
function limitGrowth(memory: WebAssembly.Memory, maxBytes: number): void {
  const grow = memory.grow.bind(memory)
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * WASM_PAGE > maxBytes)
      throw new RangeError('the image needs more memory than it should')
    return grow(pages)
  }
}
