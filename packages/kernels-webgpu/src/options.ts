/** Where to run, and what to do without. */
export interface WebGpuOptions {
  /**
   * A device of the caller's, which the backend leaves open. A function is asked for another one when it is lost; a
   * device alone cannot be replaced.
   */
  readonly device?: GPUDevice | (() => Promise<GPUDevice>)
  /** An adapter that has given no device yet. It gives one only: when that is lost, `gpu` is asked for another adapter. */
  readonly adapter?: GPUAdapter
  /** Where to look for an adapter; default `navigator.gpu`, in Node the package `webgpu`. */
  readonly gpu?: GPU
  /** Default: whether the device has them. `true` fails where it does not. */
  readonly subgroups?: boolean
  /**
   * Activations in matrix products. `exact`, the default: f32. `fast`: where the GPU multiplies bytes (`dp4a`), int8 with a scale for
   * 32 of them by quantised weights; where it does not but has `shader-f16`, f16 with such a scale by weights that f16 holds.
   * Sums are f32, and so is everything else.
   */
  readonly precision?: 'exact' | 'fast'
  /** Whether kernels have their inner loops written out; default: unless the adapter computes on the CPU. */
  readonly unrolled?: boolean
  /**
   * Whether a small layer is computed at the start and compared with known values. Default: on GPUs. A driver that
   * computes on the CPU would compile for seconds, and its machine is known.
   */
  readonly selfCheck?: boolean
  /** Told when a driver computes wrongly and a safer variant is used. Default: the console is warned. */
  readonly onNotice?: (notice: string) => void
  /** Smaller limits than the adapter has. */
  readonly limits?: {
    /** Only what the specification promises on every adapter. */
    readonly minimum?: boolean
    /** Most bytes of a part of a weight or of a cache, for tests of what is in parts. */
    readonly shardBytes?: number
  }
}
