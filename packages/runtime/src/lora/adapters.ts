import { check, hasLoraOps, type Backend, type Buffer, type LoraOps, type Ops } from '@g3/backend'
import { xxh32 } from '@g3/kv-cache'
import type { Gemma3Config } from '../config.js'
import type { Gguf } from '../gguf/index.js'
import type { BodyPrograms, RecordBody } from '../model/body.js'
import { readAdapter } from './adapter-file.js'
import { adaptedOps, type Room, type Scaled } from './adapted-ops.js'
import { holdAdapter, type HeldAdapter } from './held-adapter.js'

/** A LoRA adapter that a model has loaded. Disposed of, it is no longer in use and its memory is free; twice is fine. */
export interface Adapter extends AsyncDisposable {
  /** What its file calls itself. */
  readonly name: string
  /** Names of the model's tensors that it changes. */
  readonly targets: readonly string[]
}

/** An adapter in use. */
export interface AdapterUse {
  readonly adapter: Adapter
  /** How much of it is added: 1 as it was trained (default), 0 nothing. Any finite number. */
  readonly scale?: number
}

export interface AdapterLoadOptions {
  readonly signal?: AbortSignal | undefined
  /** Closes its file, once the adapter is disposed of: a backend that loses its hardware reads it again. */
  readonly close?: (() => Promise<void>) | undefined
}

/** LoRA adapters of a model. */
export interface Adapters {
  /** Those in use, in the order in which they are added. */
  readonly inUse: readonly AdapterUse[]
  /**
   * Loads an adapter beside the model, without using it yet.
   * @throws G3Error as {@link readAdapter}; `lora/backend` where the backend has no ops of adapters; `model/disposed`;
   * what the backend and the file throw; the signal's reason
   */
  load(gguf: Gguf, options?: AdapterLoadOptions): Promise<Adapter>
  /**
   * From here on the model computes with these adapters, and no others; the model's own weights stay where they are. Texts that
   * were read under others are not gone: they go on once those are in use again, and until then their sequences throw
   * `model/other-adapters`, unless they are reset or take up another text.
   * @throws G3Error `lora/bad-use` for one that is listed twice, is another model's or disposed of, or has no finite scale;
   * `model/busy` while a sequence is at work; `model/disposed`
   */
  use(list: readonly AdapterUse[]): Promise<void>
}

/** Which adapters a model computes with. */
export interface InUse {
  /** Names the adapters and their scales; '' without any. */
  name: string
  programs: BodyPrograms
}

export interface AdapterParts {
  readonly backend: Backend
  readonly config: Gemma3Config
  readonly record: RecordBody
  /** Rows of the model's buffers. */
  readonly rows: number
  readonly inUse: InUse
  /** @throws G3Error `model/disposed` */
  checkOpen(): void
  /** @throws G3Error `model/busy` */
  checkIdle(): void
}

export interface OwnAdapters extends Adapters {
  /** Closes the adapters' files, with the model. */
  close(): Promise<void>
}

export function adapters({ backend, config, record, rows, inUse, checkOpen, checkIdle }: AdapterParts): OwnAdapters {
  const plain = inUse.programs
  const known = new Map<Adapter, HeldAdapter>()
  const closers = new Map<Adapter, () => Promise<void>>()
  const room = roomOf(backend, rows)
  let current: readonly AdapterUse[] = []

  const checkedUse = (list: readonly AdapterUse[]): readonly Scaled[] => {
    check(
      new Set(list.map(({ adapter }) => adapter)).size === list.length,
      'lora/bad-use',
      'an adapter is listed twice: give it one scale',
    )
    return list.map(({ adapter, scale = 1 }) => {
      const held = known.get(adapter)
      check(
        held !== undefined,
        'lora/bad-use',
        () => `the adapter ${adapter.name} was disposed of, or is another model's`,
      )
      check(
        Number.isFinite(scale),
        'lora/bad-use',
        () => `the scale of the adapter ${adapter.name} is ${scale}; it must be a finite number`,
      )
      return { held, scale }
    })
  }

  const recordWith = (scaled: readonly Scaled[]): BodyPrograms => {
    if (scaled.length === 0) return plain
    if (!hasLoraOps(backend)) throw new TypeError('adapters were loaded on a backend that has no ops for them')
    const adapted = (build: (ops: Ops) => void) => (ops: Ops & LoraOps) => build(adaptedOps(ops, scaled, room))
    return record((label, build) => backend.record(`${label}, adapted`, adapted(build)))
  }

  const release = async (programs: BodyPrograms): Promise<void> => {
    if (programs !== plain && hasLoraOps(backend)) await backend.release(programs.all, [])
  }

  const use = async (list: readonly AdapterUse[]): Promise<void> => {
    checkOpen()
    checkIdle()
    const scaled = checkedUse(list).filter(({ scale }) => scale !== 0)
    const name = nameOf(scaled)
    current = [...list]
    if (name === inUse.name) return
    const before = inUse.programs
    inUse.programs = recordWith(scaled)
    inUse.name = name
    await release(before)
  }

  const dispose = async (adapter: Adapter): Promise<void> => {
    const held = known.get(adapter)
    if (held === undefined) return
    if (current.some((each) => each.adapter === adapter)) await use(current.filter((each) => each.adapter !== adapter))
    known.delete(adapter)
    if (hasLoraOps(backend)) await backend.release([], held.weights)
    await closers.get(adapter)?.()
    closers.delete(adapter)
  }

  return {
    get inUse() {
      return current
    },
    async load(gguf, { signal, close } = {}) {
      checkOpen()
      check(
        hasLoraOps(backend),
        'lora/backend',
        () => `the backend ${backend.caps.name} has no ops of adapters: take cpu, webgpu or reference`,
      )
      const file = readAdapter(gguf, config)
      const held = await holdAdapter(backend, file, config, signal)
      const adapter: Adapter = {
        name: file.name,
        targets: [...file.pairs.keys()],
        [Symbol.asyncDispose]: () => dispose(adapter),
      }
      known.set(adapter, held)
      if (close) closers.set(adapter, close)
      return adapter
    },
    use,
    async close() {
      const all = [...closers.values()]
      closers.clear()
      for (const close of all) await close()
    },
  }
}

/** 16 hexadecimal digits for adapters in this order, with these scales. */
function nameOf(scaled: readonly Scaled[]): string {
  if (scaled.length === 0) return ''
  const text = new TextEncoder().encode(scaled.map(({ held, scale }) => `${held.id} x ${scale}`).join('; '))
  return [0, 0x9e3779b1].map((seed) => xxh32(text, seed).toString(16).padStart(8, '0')).join('')
}

/** Buffers are made when they are first asked for, and stay: they are small, and the next adapters need the same. */
function roomOf(backend: Backend, rows: number): Room {
  const made = new Map<string, Buffer>()
  const buffer = (label: string, cols: number): Buffer => {
    const key = `${label} of ${cols}`
    const known = made.get(key) ?? backend.buffer(key, rows, cols)
    made.set(key, known)
    return known
  }
  return { thin: (place, cols) => buffer(`thin ${place}`, cols), up: (cols) => buffer('up', cols) }
}
