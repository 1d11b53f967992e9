import type { Backend, Buffer, Ops, Product, Program, Weight } from './contract.js'

/**
 * What low-rank adapters need beside {@link Ops}. An adapter adds scale · B · A to a matrix, as two thin products beside the
 * matrix's own; the result, the names and the ranks are the caller's.
 */
export interface LoraOps {
  /** out += scale · (x · weightᵀ) */
  addProject(args: { x: Buffer; scale: number } & Product): void
  /** out = gelu(out) ⊙ up, gelu in its tanh form: the end of {@link Ops.gatedUp}, where something was added to its products */
  gate(args: { up: Buffer; out: Buffer }): void
}

/** A backend that has {@link LoraOps}, which its `caps` say. */
export interface LoraBackend extends Backend {
  record(label: string, build: (ops: Ops & LoraOps) => void): Program
  /**
   * Waits for all that is enqueued and gives programs and weights up: their memory is free for others, and who uses them
   * later is told `backend/foreign`. What was given up already is left alone.
   * @param weights of no program that is still to run
   */
  release(programs: readonly Program[], weights: readonly Weight[]): Promise<void>
}

export const hasLoraOps = (backend: Backend): backend is LoraBackend => backend.caps.rankStep > 0
