import type { Program } from '@g3/backend'
import type { PageForm } from './ops/attend.js'
import type { EditRoom } from './ops/logits.js'
import type { Kernel } from './shader/pipelines.js'

/** A kernel with what it is bound to. */
export interface Dispatch {
  readonly kernel: Kernel
  readonly group: GPUBindGroup
  /** Workgroups along x. */
  readonly x: number
  /** Rows of the step that a workgroup takes: how many lie along y. */
  readonly rows: number
  /** A cache, if as many workgroups lie along z as a row sees pages of it. */
  readonly pagesOf?: number
  /** Runs only where this cache's pages are taken like this. */
  readonly only?: { readonly cache: number; readonly form: PageForm }
  /** Multiplications for each row of the step. */
  readonly work: number
}

export interface GpuProgram extends Program {
  /** What a step of one row runs, and what a larger one does. */
  readonly one: readonly Dispatch[]
  readonly many: readonly Dispatch[]
  /** By cache index: whether the program uses it. */
  readonly caches: readonly boolean[]
  /** Whether a step's ids, positions and views do not matter. */
  readonly needsOnlyRows: boolean
  /** Whether its draws do. */
  readonly needsDraws: boolean
  /** Where a step's edits go, for a program that has them. */
  readonly edits: EditRoom | undefined
  /** Where a step's pixels go, for a program that has them. */
  readonly pixels: GPUBuffer | undefined
  /** Words that a step has at most. */
  readonly stepWords: number
  /** What its kernels alone are bound to. */
  readonly parameters: readonly GPUBuffer[]
  /** By cache index: entries that the page tables of a step have at most. */
  readonly tableEntries: readonly number[]
}
