import {
  check,
  checkedLogitOps,
  checkedLoraOps,
  checkedVisionOps,
  checkPage,
  checkPageBytes,
  checkValues,
  type Buffer,
  stepNeeds,
  type CacheStore,
  type LogitBackend,
  type LoraBackend,
  type VisionBackend,
  type Program,
  type Step,
  type Weight,
} from '@g3/backend'
import type { GpuBuffer } from './buffers.js'
import type { GpuCache } from './caches.js'
import type { Engine } from './engine.js'
import { handles } from './handles.js'
import type { Resolve } from './ops/kit.js'
import type { GpuProgram } from './program.js'
import { collectCalls, type AllOps } from './recorder.js'
import type { GpuWeight } from './weights/load.js'

type Work = 'load' | 'buffer' | 'cache' | 'run' | 'read' | 'write' | 'copyPage' | 'readPage' | 'writePage' | 'release'

/** What callers use: the contract's checks, and handles of what an engine holds. */
export interface Front extends Pick<LogitBackend & LoraBackend & VisionBackend, Work> {
  record(label: string, build: (ops: AllOps) => void): Program
  /** Makes all that was given out on another engine, which is the current one by then. */
  remake(): Promise<void>
}

/** @param current the engine in use */
export function front(current: () => Engine): Front {
  const weights = handles<Weight, GpuWeight>('weight')
  const buffers = handles<Buffer, GpuBuffer>('buffer')
  const caches = handles<CacheStore, GpuCache>('cache')
  const programs = handles<Program, GpuProgram>('program')
  const checks = new WeakMap<Program, (step: Step) => void>()
  const resolve: Resolve = { weight: weights.of, buffer: buffers.of, cache: caches.of }

  return {
    async load(tensor, signal) {
      const { name, rows, cols } = tensor
      const handle = { name, rows, cols }
      weights.add(handle, await current().load(tensor, signal), () => current().load(tensor))
      return handle
    },
    buffer(label, rows, cols) {
      const make = () => current().buffer(label, rows, cols)
      const handle = { label, rows, cols }
      buffers.add(handle, make(), make)
      return handle
    },
    cache(spec) {
      const index = caches.all().length
      const make = () => current().cache(spec, index)
      const made = make()
      const handle = { spec, index, pageBytes: made.pageBytes, layout: made.layout }
      caches.add(handle, made, make)
      return handle
    },
    record(label, build) {
      const calls = collectCalls()
      const needs = stepNeeds()
      const { ops, checkStep } = checkedVisionOps(calls.ops, needs)
      build({ ...ops, ...checkedLogitOps(calls.ops, needs), ...checkedLoraOps(calls.ops, needs) })
      const known = caches.all().length
      const make = () => current().record(label, calls.list, caches.all().slice(0, known), resolve)
      const handle = { label }
      programs.add(handle, make(), make)
      checks.set(handle, checkStep)
      return handle
    },
    run(program, step) {
      const made = programs.of(program)
      checks.get(program)?.(step)
      current().run(made, step)
    },
    async read(buffer, rows, into) {
      const source = buffers.of(buffer)
      const { label, cols } = buffer
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
      await current().read(source, rows, out)
      return out
    },
    async write(buffer, values) {
      const target = buffers.of(buffer)
      checkValues(buffer, values)
      await current().write(target, values.slice())
    },
    copyPage(cache, from, to) {
      const made = caches.of(cache)
      checkPage(cache, from ?? to)
      checkPage(cache, to)
      if (from !== to) current().copyPage(made, from, to)
    },
    async readPage(cache, page, into = new Uint8Array(cache.pageBytes)) {
      const made = caches.of(cache)
      checkPage(cache, page)
      checkPageBytes(cache, into)
      await current().readPage(made, page, into)
      return into
    },
    async writePage(cache, page, bytes) {
      const made = caches.of(cache)
      checkPage(cache, page)
      checkPageBytes(cache, bytes)
      await current().writePage(made, page, bytes.slice())
    },
    async release(given, unused) {
      const dropped = given.map(programs.drop)
      const left = unused.map(weights.drop)
      await current().release(dropped.filter(isThere), left.filter(isThere))
    },
    async remake() {
      for (const kind of [weights, buffers, caches, programs]) await kind.remake()
    },
  }
}

const isThere = <T>(made: T | undefined): made is T => made !== undefined
