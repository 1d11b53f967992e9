/** What a device was asked to do. */
export interface Counts {
  dispatches: number
  bindGroups: number
  buffers: number
  /** Bytes of these buffers. */
  bufferBytes: number
  writes: number
  writtenBytes: number
  passes: number
  submits: number
  copiedBytes: number
  pipelines: number
}

const NONE: Readonly<Counts> = {
  dispatches: 0,
  bindGroups: 0,
  buffers: 0,
  bufferBytes: 0,
  writes: 0,
  writtenBytes: 0,
  passes: 0,
  submits: 0,
  copiedBytes: 0,
  pipelines: 0,
}

export interface CountedDevice {
  readonly device: GPUDevice
  /** What was done since the last call. */
  take(): Counts
}

/** Counts calls of a device from now on, by wrapping its methods and those of its queue and encoders. */
export function counted(device: GPUDevice): CountedDevice {
  let counts: Counts = { ...NONE }

  /** Replaces a method by one that first tells of its arguments, then does what it did. */
  const wrap = <T extends object, K extends keyof T>(
    target: T,
    name: K,
    note: (...args: readonly unknown[]) => void,
    wrapResult: (result: unknown) => void = () => {},
  ): void => {
    const method: unknown = target[name]
    if (typeof method !== 'function') throw new TypeError(`${String(name)} is no method`)
    Object.defineProperty(target, name, {
      configurable: true,
      value: (...args: readonly unknown[]) => {
        note(...args)
        const result: unknown = Reflect.apply(method, target, args)
        if (typeof result === 'object' && result !== null) wrapResult(result)
        return result
      },
    })
  }
  const size = (value: unknown): number => (typeof value === 'number' ? value : 0)

  wrap(device, 'createBindGroup', () => counts.bindGroups++)
  wrap(device, 'createBuffer', (descriptor) => {
    counts.buffers++
    if (isSized(descriptor)) counts.bufferBytes += size(descriptor.size)
  })
  wrap(device, 'createComputePipelineAsync', () => counts.pipelines++)
  wrap(device.queue, 'submit', () => counts.submits++)
  wrap(device.queue, 'writeBuffer', (_, __, data, ___, elements) => {
    counts.writes++
    counts.writtenBytes += elements === undefined ? bytesOf(data) : size(elements) * elementBytes(data)
  })
  wrap(
    device,
    'createCommandEncoder',
    () => {},
    (encoder) => {
      if (!isEncoder(encoder)) return
      wrap(encoder, 'copyBufferToBuffer', (...args) => (counts.copiedBytes += size(args[4])))
      wrap(
        encoder,
        'beginComputePass',
        () => counts.passes++,
        (pass) => {
          if (isPass(pass)) wrap(pass, 'dispatchWorkgroups', () => counts.dispatches++)
        },
      )
    },
  )
  return {
    device,
    take() {
      const taken = counts
      counts = { ...NONE }
      return taken
    },
  }
}

const isSized = (value: unknown): value is { readonly size: unknown } =>
  typeof value === 'object' && value !== null && 'size' in value
const isEncoder = (value: unknown): value is GPUCommandEncoder =>
  typeof value === 'object' && value !== null && 'beginComputePass' in value
const isPass = (value: unknown): value is GPUComputePassEncoder =>
  typeof value === 'object' && value !== null && 'dispatchWorkgroups' in value
const bytesOf = (data: unknown): number => (ArrayBuffer.isView(data) ? data.byteLength : 0)
const elementBytes = (data: unknown): number => (data instanceof Int32Array ? 4 : 1)
