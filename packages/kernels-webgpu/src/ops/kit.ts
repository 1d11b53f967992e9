import type { Buffer, CacheStore, Weight } from '@g3/backend'
import type { GpuBuffer } from '../buffers.js'
import type { GpuCache } from '../caches.js'
import type { Multiplies } from '../device.js'
import type { Dispatch } from '../program.js'
import type { Kernel } from '../shader/pipelines.js'
import { kernelSource, type Binding, type TemplateName } from '../shader/source.js'
import type { Values } from '../shader/template.js'
import type { GpuWeight } from '../weights/load.js'

/** Finds what a program names on this device. */
export interface Resolve {
  /** @throws G3Error `backend/foreign` */
  weight(weight: Weight): GpuWeight
  /** @throws G3Error `backend/foreign` */
  buffer(buffer: Buffer): GpuBuffer
  /** @throws G3Error `backend/foreign` */
  cache(cache: CacheStore): GpuCache
}

/** What ops are made with. */
export interface Kit extends Resolve {
  readonly subgroups: boolean
  /** Whether inner loops are written out: GPUs want it, a driver that compiles for a CPU takes minutes over it. */
  readonly unrolled: boolean
  readonly multiplies: Multiplies
  readonly bindingBytes: number
  kernel(source: ReturnType<typeof kernelSource>): Kernel
  /** Parameters that never change, for a kernel of this label. */
  parameters(label: string, words: Uint32Array<ArrayBuffer>): GPUBuffer
  /** @param buffers the parameters, then the operands */
  bind(kernel: Kernel, buffers: readonly GPUBuffer[]): GPUBindGroup
  /** Room between the kernels of one op, which others use too. */
  scratch(label: string, bytes: number): GPUBuffer
  /** One buffer of these f32 values and vectors, one after the other. */
  constants(label: string, parts: readonly (GpuWeight | Float32Array<ArrayBuffer>)[]): GPUBuffer
}

/** An operand of a kernel. */
export interface Operand extends Binding {
  readonly buffer: GPUBuffer
}

export interface KernelParts {
  readonly parts?: readonly TemplateName[]
  readonly texts?: readonly string[]
}

/**
 * A kernel bound to its operands. Operands in one buffer, as when a norm works in place, become one binding: WebGPU lets
 * nothing be read through one and written through another.
 */
export function dispatch(
  kit: Kit,
  op: TemplateName,
  operands: readonly Operand[],
  values: Values,
  params: Uint32Array<ArrayBuffer>,
  grid: Omit<Dispatch, 'kernel' | 'group'>,
  parts: KernelParts = {},
): Dispatch {
  const bindings: Operand[] = []
  const aliases: [string, string][] = []
  for (const operand of operands) {
    const at = bindings.findIndex(({ buffer, access }) => isShared(buffer, access, operand))
    if (at < 0) bindings.push(operand)
    else {
      bindings[at] = { ...bindings[at], access: 'read_write' }
      aliases.push([operand.name, bindings[at].name])
    }
  }
  const source = kernelSource(op, bindings, { ...loopValues(kit), ...values }, parts)
  const code = aliases.reduce(
    (text, [from, to]) => text.replace(new RegExp(`\\b${from}\\[`, 'g'), `${to}[`),
    source.code,
  )
  const kernel = kit.kernel({ ...source, code })
  const parameters = kit.parameters(`${kernel.label} parameters`, params)
  const group = kit.bind(kernel, [parameters, ...bindings.map(({ buffer }) => buffer)])
  return { kernel, group, ...grid }
}

/** How the templates' loops are written. */
export const loopValues = ({ unrolled }: Kit): Values => ({
  UNROLLED: unrolled,
  TIMES: unrolled ? '' : ' * once()',
})

const isShared = (buffer: GPUBuffer, access: Binding['access'], other: Operand): boolean =>
  buffer === other.buffer && (access === 'read_write' || other.access === 'read_write')

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)

/** The bits of an f32, for parameters. */
export function bits(value: number): number {
  float[0] = value
  return floatBits[0]
}

/** Parameters: rows of four words. */
export const params = (...rows: readonly (readonly number[])[]): Uint32Array<ArrayBuffer> => {
  const words = new Uint32Array(4 * rows.length)
  for (const [i, row] of rows.entries()) words.set(row, 4 * i)
  return words
}

export const read = (name: string, element: Binding['element'], buffer: GPUBuffer): Operand => ({
  name,
  access: 'read',
  element,
  buffer,
})

export const write = (name: string, element: Binding['element'], buffer: GPUBuffer): Operand => ({
  name,
  access: 'read_write',
  element,
  buffer,
})
