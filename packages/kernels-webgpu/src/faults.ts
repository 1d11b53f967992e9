import { G3Error } from '@g3/backend'

/** What went wrong on the GPU, which tells of it later than the call that did it. */
export interface Faults {
  /** Whether nothing can run any more. */
  readonly lost: boolean
  /** Keeps an error for the next wait, if there is none yet. */
  note(error: G3Error): void
  /**
   * Throws what went wrong since the last wait; a lost device stays lost.
   * @throws G3Error `webgpu/device-lost`, `webgpu/invalid`, `webgpu/internal`, `backend/out-of-memory`
   */
  raise(): void
  /** Runs `make`, whose buffers may not fit, and notes if they did not. The promise says whether they did. */
  allocating<T>(what: string, bytes: number, make: () => T): { readonly made: T; readonly fits: Promise<boolean> }
  close(): void
}

export function watch(device: GPUDevice): Faults {
  let first: G3Error | undefined
  let gone: G3Error | undefined
  let closed = false
  const note = (error: G3Error): void => {
    first ??= error
  }
  const uncaptured = (event: GPUUncapturedErrorEvent): void => {
    event.preventDefault()
    note(coded(event.error))
  }
  device.addEventListener('uncapturederror', uncaptured)
  void device.lost.then(({ reason, message }) => {
    if (closed) return
    gone = new G3Error(
      'webgpu/device-lost',
      `the GPU's device was lost (${reason}): ${message}. Make a new backend and load the model again`,
    )
  })
  return {
    get lost() {
      return gone !== undefined
    },
    note,
    raise() {
      const error = gone ?? first
      first = undefined
      if (error !== undefined) throw error
    },
    allocating(what, bytes, make) {
      device.pushErrorScope('out-of-memory')
      const made = make()
      const fits = device.popErrorScope().then(
        (error) => {
          if (error === null) return true
          note(new G3Error('backend/out-of-memory', `${what}: the GPU has no memory for ${bytes} bytes`))
          return false
        },
        // The device is lost, which has an error of its own.
        () => false,
      )
      return { made, fits }
    },
    close() {
      closed = true
      device.removeEventListener('uncapturederror', uncaptured)
    },
  }
}

function coded(error: GPUError): G3Error {
  switch (error.constructor.name) {
    case 'GPUOutOfMemoryError':
      return new G3Error('backend/out-of-memory', `the GPU is out of memory: ${error.message}`)
    case 'GPUInternalError':
      return new G3Error('webgpu/internal', `the GPU's driver failed: ${error.message}`)
    default:
      return new G3Error('webgpu/invalid', `the GPU refused a command: ${error.message}`)
  }
}
