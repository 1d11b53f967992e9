/** Where to run, and what to do without. */
export interface WebGpuOptions {
  /** A device of the caller's: it must outlive the backend, which leaves it open. */
  readonly device?: GPUDevice
  /** An adapter that has given no device yet. */
  readonly adapter?: GPUAdapter
  /** Where to look for an adapter; default `navigator.gpu`, in Node the package `webgpu`. */
  readonly gpu?: GPU
  /** Default: whether the device has them. `true` fails where it does not. */
  readonly subgroups?: boolean
  /** Whether kernels have their inner loops written out; default: unless the adapter computes on the CPU. */
  readonly unrolled?: boolean
  /** Smaller limits than the adapter has. */
  readonly limits?: {
    /** Only what the specification promises on every adapter. */
    readonly minimum?: boolean
    /** Most bytes of a part of a weight or of a cache, for tests of what is in parts. */
    readonly shardBytes?: number
  }
}
