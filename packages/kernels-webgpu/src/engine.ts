import type { CacheSpec, PackedTensor, Step } from '@g3/backend'
import { makeBuffer, type GpuBuffer } from './buffers.js'
import { makeCache, pageRanges, type GpuCache } from './caches.js'
import { openDevice, type Capabilities } from './device.js'
import { watch } from './faults.js'
import { openMemory } from './memory.js'
import { openKit } from './open-kit.js'
import type { Resolve } from './ops/kit.js'
import type { WebGpuOptions } from './options.js'
import type { GpuProgram } from './program.js'
import { openQueue } from './queue.js'
import { openReader } from './reader.js'
import { makeProgram, type Calls } from './recorder.js'
import { openPipelines } from './shader/pipelines.js'
import { weightLoader, type GpuWeight } from './weights/load.js'

/** All that lives on one device, and is gone when the device is lost. */
export interface Engine {
  readonly capabilities: Capabilities
  /** Adapter and choices, for people. */
  readonly description: string
  readonly isLost: boolean
  load(tensor: PackedTensor, signal?: AbortSignal): Promise<GpuWeight>
  buffer(label: string, rows: number, cols: number): GpuBuffer
  cache(spec: CacheSpec, index: number): GpuCache
  /** @param caches all that there are, by index */
  record(label: string, calls: Calls, caches: readonly GpuCache[], resolve: Resolve): GpuProgram
  run(program: GpuProgram, step: Step): void
  read(buffer: GpuBuffer, rows: number, out: Float32Array): Promise<void>
  write(buffer: GpuBuffer, values: Float32Array<ArrayBuffer>): Promise<void>
  copyPage(cache: GpuCache, from: number | undefined, to: number): void
  readPage(cache: GpuCache, page: number, out: Uint8Array): Promise<void>
  writePage(cache: GpuCache, page: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Waits for what is enqueued and frees what these have for themselves. */
  release(programs: readonly GpuProgram[], weights: readonly GpuWeight[]): Promise<void>
  /** Waits for what is enqueued and frees all. */
  close(): Promise<void>
}

/**
 * @param isAnother whether there was one before, whose device is lost
 * @throws G3Error `webgpu/unavailable`
 */
export async function openEngine(options: WebGpuOptions, isAnother = false): Promise<Engine> {
  const { device, capabilities, description, close } = await openDevice(options, isAnother)
  const faults = watch(device)
  const memory = openMemory(device, capabilities, faults)
  const pipelines = openPipelines(device)
  const queue = openQueue(device, pipelines.stepLayout, faults)
  const reader = openReader(device, queue, faults)
  const kit = openKit({ device, memory, pipelines, capabilities })

  return {
    capabilities,
    description,
    get isLost() {
      return faults.lost
    },
    load: weightLoader(memory),
    buffer: (label, rows, cols) => makeBuffer(memory, label, rows, cols),
    cache: (spec, index) => makeCache(memory, spec, index),
    record(label, calls, caches, resolve) {
      const program = makeProgram({ ...kit, ...resolve }, label, calls, caches)
      queue.reserve(program)
      return program
    },
    run: queue.run,
    async read({ buffer, stride, cols }, rows, out) {
      await reader.read([{ buffer, offset: 0, bytes: rows * stride * 4 }], (bytes) => {
        const values = new Float32Array(bytes)
        if (stride === cols) out.set(values)
        else for (let r = 0; r < rows; r++) out.set(values.subarray(r * stride, r * stride + cols), r * cols)
      })
    },
    async write({ buffer, stride, cols }, values) {
      await queue.submit()
      if (stride === cols) memory.write(buffer, 0, values)
      else
        for (let r = 0; r < values.length / cols; r++)
          memory.write(buffer, r * stride * 4, values.subarray(r * cols, (r + 1) * cols))
      await memory.written()
    },
    copyPage(cache, from, to) {
      const scratch = kit.scratch('page', cache.layers[0][0].pageBytes)
      queue.copy((encoder) => {
        for (const { buffer, bytes } of pageRanges(cache)) {
          if (from === undefined) encoder.clearBuffer(buffer, to * bytes, bytes)
          else {
            encoder.copyBufferToBuffer(buffer, from * bytes, scratch, 0, bytes)
            encoder.copyBufferToBuffer(scratch, 0, buffer, to * bytes, bytes)
          }
        }
      })
    },
    async readPage(cache, page, out) {
      const ranges = pageRanges(cache).map(({ buffer, bytes }) => ({ buffer, offset: page * bytes, bytes }))
      await reader.read(ranges, (bytes) => out.set(new Uint8Array(bytes)))
    },
    async writePage(cache, page, bytes) {
      await queue.submit()
      let at = 0
      for (const { buffer, bytes: size } of pageRanges(cache)) {
        memory.write(buffer, page * size, bytes.subarray(at, at + size))
        at += size
      }
      await memory.written()
    },
    async release(programs, weights) {
      await queue.submit()
      for (const { parameters } of programs) for (const buffer of parameters) memory.free(buffer)
      for (const { shards } of weights) for (const { buffer } of shards) memory.free(buffer)
    },
    async close() {
      await queue.submit()
      faults.close()
      memory.freeAll()
      reader.close()
      queue.close()
      close()
    },
  }
}
