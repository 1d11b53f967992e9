import { uploads } from './uploads.js'
import { bytesOf, isBindGroup, isBuffer, isEncoder, isPass, isPipeline, numberOf, watch } from './wrap.js'

/** What a device was asked to do. */
export interface Counts {
  dispatches: number
  bindGroups: number
  buffers: number
  /** Bytes of these buffers. */
  bufferBytes: number
  /** Bytes of buffers that were destroyed. */
  freedBytes: number
  writes: number
  writtenBytes: number
  passes: number
  submits: number
  copiedBytes: number
  /** Bytes mapped for reading. */
  readbackBytes: number
  pipelines: number
  /** Bytes of weights that dispatches were bound to, each time anew. A lookup of rows counts nothing. */
  weightBytesRead: number
}

const NONE: Readonly<Counts> = {
  dispatches: 0,
  bindGroups: 0,
  buffers: 0,
  bufferBytes: 0,
  freedBytes: 0,
  writes: 0,
  writtenBytes: 0,
  passes: 0,
  submits: 0,
  copiedBytes: 0,
  readbackBytes: 0,
  pipelines: 0,
  weightBytesRead: 0,
}

export interface CountedDevice {
  readonly device: GPUDevice
  /** What was done since the last call. */
  take(): Counts
  /** What was uploaded so far are the weights, and nothing that comes later. @returns their bytes */
  weightsLoaded(): number
}

/** Kernels that look rows up, as our label and llama.cpp's have it: they read one row of a table that they are bound to. */
const LOOKUP = /embed|get_rows/

const MAP_READ = 1

/** Counts calls of a device from now on, by wrapping its methods and those of its queue, buffers and encoders. */
export function counted(device: GPUDevice): CountedDevice {
  let counts: Counts = { ...NONE }
  const weights = uploads()
  let isLoaded = false
  const bound = new WeakMap<GPUBindGroup, readonly Bound[]>()
  /** Bytes of weights that a group holds, once they are known. */
  const weightsOf = new WeakMap<GPUBindGroup, number>()
  const weightBytes = (group: GPUBindGroup): number => {
    const known = weightsOf.get(group)
    if (known !== undefined) return known
    const bytes = (bound.get(group) ?? []).reduce(
      (sum, { buffer, start, size }) => sum + weights.within(buffer, start, size),
      0,
    )
    if (isLoaded) weightsOf.set(group, bytes)
    return bytes
  }

  watch(device, 'createBindGroup', (group, descriptor) => {
    counts.bindGroups++
    if (isBindGroup(group)) bound.set(group, boundOf(descriptor))
  })
  watch(device, 'createBuffer', (buffer, descriptor) => {
    if (!isBuffer(buffer)) return
    counts.buffers++
    counts.bufferBytes += buffer.size
    if (Object(descriptor).mappedAtCreation === true && !isLoaded) weights.add(buffer, 0, buffer.size)
    let isFreed = false
    watch(buffer, 'destroy', () => {
      if (!isFreed) counts.freedBytes += buffer.size
      isFreed = true
    })
    watch(buffer, 'mapAsync', (_, mode, offset, size) => {
      if (mode === MAP_READ) counts.readbackBytes += numberOf(size) || buffer.size - numberOf(offset)
    })
  })
  watch(device, 'createComputePipelineAsync', () => counts.pipelines++)
  watch(device, 'createComputePipeline', () => counts.pipelines++)
  watch(device.queue, 'submit', () => counts.submits++)
  watch(device.queue, 'writeBuffer', (_, buffer, offset, data, from, elements) => {
    const unit = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? numberOf(data.BYTES_PER_ELEMENT) : 1
    const bytes = elements === undefined ? bytesOf(data) - unit * numberOf(from) : unit * numberOf(elements)
    counts.writes++
    counts.writtenBytes += bytes
    if (!isLoaded && isBuffer(buffer)) weights.add(buffer, numberOf(offset), bytes)
  })
  const watchPass = (pass: GPUComputePassEncoder): void => {
    const groups: (GPUBindGroup | undefined)[] = []
    let isLookup = false
    counts.passes++
    watch(pass, 'setPipeline', (_, pipeline) => {
      isLookup = isPipeline(pipeline) && LOOKUP.test(pipeline.label)
    })
    watch(pass, 'setBindGroup', (_, index, group) => {
      groups[numberOf(index)] = isBindGroup(group) ? group : undefined
    })
    watch(pass, 'dispatchWorkgroups', () => {
      counts.dispatches++
      if (isLookup) return
      for (const group of groups) if (group !== undefined) counts.weightBytesRead += weightBytes(group)
    })
  }
  watch(device, 'createCommandEncoder', (encoder) => {
    if (!isEncoder(encoder)) return
    watch(encoder, 'copyBufferToBuffer', (_, ...args) => (counts.copiedBytes += numberOf(args.at(-1))))
    watch(encoder, 'beginComputePass', (pass) => {
      if (isPass(pass)) watchPass(pass)
    })
  })
  return {
    device,
    take() {
      const taken = counts
      counts = { ...NONE }
      return taken
    },
    weightsLoaded() {
      isLoaded = true
      return weights.bytes
    },
  }
}

interface Bound {
  readonly buffer: GPUBuffer
  readonly start: number
  readonly size: number
}

/** The ranges of buffers that a bind group's descriptor names. */
function boundOf(descriptor: unknown): Bound[] {
  const { entries = [] }: { entries?: Iterable<GPUBindGroupEntry> } = Object(descriptor)
  return Array.from(entries).flatMap(({ resource }) => {
    if (isBuffer(resource)) return [{ buffer: resource, start: 0, size: resource.size }]
    if (!('buffer' in resource)) return []
    const { buffer, offset: start = 0, size = buffer.size - start } = resource
    return [{ buffer, start, size }]
  })
}
