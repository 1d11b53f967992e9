import {
  check,
  checkedOps,
  checkPage,
  checkPageBytes,
  type Backend,
  type Buffer,
  type CacheStore,
  type Program,
  type Weight,
} from '@g3/backend'
import { makeBuffer, type GpuBuffer } from './buffers.js'
import { makeCache, pageRanges, type GpuCache } from './caches.js'
import { openDevice } from './device.js'
import { watch } from './faults.js'
import { openMemory } from './memory.js'
import { openKit } from './open-kit.js'
import type { WebGpuOptions } from './options.js'
import type { GpuProgram } from './program.js'
import { openQueue } from './queue.js'
import { openReader } from './reader.js'
import { collectCalls, makeProgram } from './recorder.js'
import { openPipelines } from './shader/pipelines.js'
import { weightLoader, type GpuWeight } from './weights/load.js'

/**
 * The WebGPU backend. All arithmetic is f32, with the file's own weights; a row has the same bits alone and among others,
 * whatever else the step holds and wherever its pages lie.
 * @throws G3Error `webgpu/unavailable`
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<Backend> {
  const { device, capabilities, description, close } = await openDevice(options)
  const faults = watch(device)
  const memory = openMemory(device, capabilities, faults)
  const pipelines = openPipelines(device)
  const queue = openQueue(device, pipelines.stepLayout, faults)
  const reader = openReader(device, queue, faults)
  const load = weightLoader(memory)
  const weights = new WeakSet<Weight>()
  const buffers = new WeakSet<Buffer>()
  const programs = new WeakSet<Program>()
  const caches: GpuCache[] = []
  let disposed = false

  const alive = (): void => check(!disposed, 'backend/disposed', 'this backend was disposed; make a new one')
  const own = <T extends object>(set: WeakSet<object>, value: object, what: string): T => {
    check(set.has(value), 'backend/foreign', `this ${what} was made by another backend`)
    return value as T
  }
  const cacheOf = (cache: CacheStore): GpuCache => {
    const mine = caches.find((each) => each === cache)
    check(mine !== undefined, 'backend/foreign', `cache ${cache.spec.label} was made by another backend`)
    return mine
  }
  const kit = openKit({
    device,
    memory,
    pipelines,
    capabilities,
    weight: (weight) => own<GpuWeight>(weights, weight, 'weight'),
    buffer: (buffer) => own<GpuBuffer>(buffers, buffer, 'buffer'),
    cache: cacheOf,
  })

  const dispose = async (): Promise<void> => {
    if (disposed) return
    disposed = true
    await queue.submit()
    faults.close()
    memory.freeAll()
    reader.close()
    queue.close()
    close()
  }

  return {
    caps: { name: 'webgpu', threads: 1, description, cacheType: 'f32' },
    async load(tensor, signal) {
      alive()
      const weight = await load(tensor, signal)
      alive()
      weights.add(weight)
      return weight
    },
    buffer(label, rows, cols) {
      alive()
      const buffer = makeBuffer(memory, label, rows, cols)
      buffers.add(buffer)
      return buffer
    },
    cache(spec) {
      alive()
      const cache = makeCache(memory, spec, caches.length)
      caches.push(cache)
      return cache
    },
    record(label, build) {
      alive()
      const calls = collectCalls()
      const { ops, checkStep } = checkedOps(calls.ops)
      build(ops)
      const program = makeProgram(kit, label, calls.list, caches, checkStep)
      queue.reserve(program.stepWords)
      programs.add(program)
      return program
    },
    run(program, step) {
      alive()
      const mine = own<GpuProgram>(programs, program, 'program')
      mine.checkStep(step)
      queue.run(mine, step)
    },
    async read(buffer, rows, into) {
      alive()
      const { buffer: source, stride, cols, label } = own<GpuBuffer>(buffers, buffer, 'buffer')
      check(
        Number.isInteger(rows) && rows >= 0 && rows <= buffer.rows,
        'backend/shape',
        () => `read of ${rows} rows of ${label}, which has ${buffer.rows}`,
      )
      const out = into ?? new Float32Array(rows * cols)
      check(
        out.length >= rows * cols,
        'backend/shape',
        () => `read of ${rows} rows of ${label} needs room for ${rows * cols} values, not ${out.length}`,
      )
      await reader.read([{ buffer: source, offset: 0, bytes: rows * stride * 4 }], (bytes) => {
        const values = new Float32Array(bytes)
        if (stride === cols) out.set(values)
        else for (let r = 0; r < rows; r++) out.set(values.subarray(r * stride, r * stride + cols), r * cols)
      })
      alive()
      return out
    },
    copyPage(cache, from, to) {
      alive()
      const mine = cacheOf(cache)
      checkPage(mine, from ?? to)
      checkPage(mine, to)
      if (from === to) return
      const scratch = kit.scratch('page', mine.layers[0][0].pageBytes)
      queue.copy((encoder) => {
        for (const { buffer, bytes } of pageRanges(mine)) {
          if (from === undefined) encoder.clearBuffer(buffer, to * bytes, bytes)
          else {
            encoder.copyBufferToBuffer(buffer, from * bytes, scratch, 0, bytes)
            encoder.copyBufferToBuffer(scratch, 0, buffer, to * bytes, bytes)
          }
        }
      })
    },
    async readPage(cache, page, into) {
      alive()
      const mine = cacheOf(cache)
      checkPage(mine, page)
      const out = into ?? new Uint8Array(mine.pageBytes)
      checkPageBytes(mine, out)
      const ranges = pageRanges(mine).map(({ buffer, bytes }) => ({ buffer, offset: page * bytes, bytes }))
      await reader.read(ranges, (bytes) => out.set(new Uint8Array(bytes)))
      alive()
      return out
    },
    async writePage(cache, page, bytes) {
      alive()
      const mine = cacheOf(cache)
      checkPage(mine, page)
      checkPageBytes(mine, bytes)
      const kept = bytes.slice()
      await queue.submit()
      alive()
      let at = 0
      for (const { buffer, bytes: size } of pageRanges(mine)) {
        memory.write(buffer, page * size, kept.subarray(at, at + size))
        at += size
      }
      await memory.written()
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
