type Call = (...args: readonly unknown[]) => unknown

/** Replaces a method of one object, here by what `make` makes of it. */
export function replace<T extends object, K extends keyof T>(target: T, name: K, make: (call: Call) => Call): void {
  const method: unknown = target[name]
  if (typeof method !== 'function') throw new TypeError(`${String(name)} is no method`)
  const value = make((...args) => Reflect.apply(method, target, args))
  Object.defineProperty(target, name, { configurable: true, value })
}

/** Tells of each call of a method of one object, after it was done: what it gave, then its arguments. */
export function watch<T extends object, K extends keyof T>(
  target: T,
  name: K,
  tell: (result: unknown, ...args: readonly unknown[]) => void,
): void {
  replace(target, name, (call) => (...args) => {
    const result = call(...args)
    tell(result, ...args)
    return result
  })
}

const has = (value: unknown, method: string): value is object =>
  typeof value === 'object' && value !== null && method in value

export const isDevice = (value: unknown): value is GPUDevice => has(value, 'createBuffer')
export const isBuffer = (value: unknown): value is GPUBuffer => has(value, 'mapAsync')
export const isEncoder = (value: unknown): value is GPUCommandEncoder => has(value, 'beginComputePass')
export const isPass = (value: unknown): value is GPUComputePassEncoder => has(value, 'dispatchWorkgroups')
export const isBindGroup = (value: unknown): value is GPUBindGroup => has(value, 'label')
export const isPipeline = (value: unknown): value is GPUComputePipeline => has(value, 'getBindGroupLayout')
export const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)
export const bytesOf = (data: unknown): number =>
  ArrayBuffer.isView(data) || data instanceof ArrayBuffer || data instanceof SharedArrayBuffer ? data.byteLength : 0

/** Has each device of an adapter changed before its owner gets it, with `features` that the adapter has and nobody asked for. */
export function changeDevices(
  adapter: GPUAdapter,
  features: readonly GPUFeatureName[],
  change: (device: GPUDevice) => void,
): void {
  replace(adapter, 'requestDevice', (call) => async (descriptor) => {
    const asked: GPUDeviceDescriptor = { ...Object(descriptor) }
    const more = features.filter((feature) => adapter.features.has(feature))
    const requiredFeatures = [...new Set([...(asked.requiredFeatures ?? []), ...more])]
    const device = await call({ ...asked, requiredFeatures })
    if (isDevice(device)) change(device)
    return device
  })
}
