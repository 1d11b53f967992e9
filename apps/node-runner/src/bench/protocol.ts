import { G3Error } from '@g3/backend'
import type { BackendName } from '@g3/runtime/auto'
import type { EngineSpec } from './engine-spec.js'
import type { Failure } from './failure.js'
import type { GpuFacts } from './webgpu/gpu-facts.js'

/** What an engine is to measure. Plain data, as it goes to a child process. */
export interface Job {
  readonly engine: EngineSpec
  /** Path of the GGUF file. */
  readonly model: string
  readonly threads: number
  /** What computes, unless the engine says otherwise or can do one only. */
  readonly backend: BackendName
  /** Token ids, the beginning-of-sequence id first. */
  readonly prompt: readonly number[]
  /** The prompt as text, for engines that take no ids. */
  readonly promptText: string
  /** Tokens to generate after the first, greedily, end marks or not. */
  readonly generate: number
  /** How many texts there is room for, each of the prompt's length and what is generated. */
  readonly sequences: number
  /** What to find out about WebGPU beside its speed. */
  readonly gpu: GpuQuestions
  /** Folder whose `node_modules` has the engine's package, for engines that are not ours. */
  readonly packages?: string
}

/** What engines on WebGPU are asked for. */
export interface GpuQuestions {
  readonly counters: boolean
  /** Only of g3. */
  readonly perOp: boolean
  /** How fast the adapter copies, which only g3 is asked for. */
  readonly copyRate: boolean
}

export const backendOf = ({ engine, backend }: Pick<Job, 'engine' | 'backend'>): BackendName => engine.backend ?? backend

/** One reading of the prompt and the tokens after it. */
export interface Round {
  /** Prompt tokens for each second up to the first generated token. */
  readonly prefill: number
  /** Tokens after the first for each second. */
  readonly decode: number
  /** Of the generated ids, where an engine tells them: equal ids have equal ones. */
  readonly checksum?: string
}

/** An engine with the model loaded. */
export interface Driver {
  /** Forgets the last round and runs another. */
  round(): Promise<Round>
  /**
   * Decodes `batch` sequences together, each after `context` tokens of the prompt. Engines other than ours need not.
   * @returns tokens for each second, of all sequences
   */
  decode?(batch: number, context: number): Promise<number>
  /** Ends the rounds and tells of WebGPU, if the engine runs on it. */
  gpu?(): Promise<GpuFacts | undefined>
  /** Most memory that the engine's processes held at a time. */
  peakRssBytes(): number | Promise<number>
  dispose(): Promise<void>
}

/** Loads the model of a job. */
export type OpenDriver = (job: Job) => Promise<Driver>

/** Time for an engine to put itself away, a browser among its processes. */
export const GOODBYE_MS = 3000

/** To the child. */
export type Request =
  | { readonly kind: 'load'; readonly job: Job }
  | { readonly kind: 'round' }
  | { readonly kind: 'decode'; readonly batch: number; readonly context: number }
  | { readonly kind: 'gpu' }
  | { readonly kind: 'memory' }

/** From the child, one for each request. */
export type Reply =
  | { readonly kind: 'loaded'; readonly loadMs: number }
  | { readonly kind: 'round'; readonly round: Round }
  | { readonly kind: 'decoded'; readonly tokensPerSecond: number }
  | { readonly kind: 'gpu'; readonly facts: GpuFacts | undefined }
  | { readonly kind: 'memory'; readonly peakRssBytes: number }
  | ({ readonly kind: 'failed' } & Failure)

/** Times of one round, from its marks on the clock of `performance.now()`. */
export function roundOf(job: Pick<Job, 'prompt' | 'generate'>, start: number, first: number, end: number): Round {
  return { prefill: (job.prompt.length / (first - start)) * 1000, decode: (job.generate / (end - first)) * 1000 }
}

/** An engine that stopped early has not measured what was asked. @throws G3Error `bench/engine-failed` */
export function checkCount({ generate }: Pick<Job, 'generate'>, count: number): void {
  if (count === generate + 1) return
  throw new G3Error('bench/engine-failed', `${count} tokens came where ${generate + 1} were asked for`)
}
