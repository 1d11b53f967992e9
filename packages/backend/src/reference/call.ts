import type { Step } from '../contract.js'

/** What an op does at each step. */
export type Call = (step: Step) => void
