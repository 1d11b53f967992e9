import { G3Error } from '@g3/backend'

/** What went wrong on the GPU, which tells of it later than the call that did it. */
export interface Faults {
  /** Whether nothing can run any more. */
  readonly lost: boolean
  /** Takes it that nothing can run any more. */
  lose(reason: string): void
  /** Keeps an error for the next wait, if there is none yet. */
  note(error: G3Error): void
  /**
   * Throws what went wrong since the last wait; a lost device stays lost.
   * @throws G3Error `backend/lost`, `webgpu/invalid`, `webgpu/internal`, `backend/out-of-memory`
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
  const lose = (reason: string): void => {
    gone ??= new G3Error('backend/lost', `the GPU's device was lost: ${reason}; recover() replaces it`)
  }
  void device.lost.then(({ reason, message }) => {
    if (!closed) lose(`${reason}, ${message}`)
  })
  return {
    get lost() {
      return gone !== undefined
    },
    lose,
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
        (cause) => {
          lose(String(cause))
          return false
        },
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
