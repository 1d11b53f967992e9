/** A way that a text went on: tokens after the prompt. */
export interface Branch {
  readonly chosen: readonly number[]
  /** What it says. */
  readonly text: string
}

/** Branches with another one first; one that another one begins with is part of that, and left out. */
export function withBranch(branches: readonly Branch[], branch: Branch): readonly Branch[] {
  const others = branches.filter((other) => !beginsWith(branch.chosen, other.chosen))
  return branch.chosen.length === 0 ? others : [branch, ...others].slice(0, MOST)
}

const MOST = 8

export const beginsWith = (ids: readonly number[], start: readonly number[]): boolean =>
  start.length <= ids.length && start.every((id, n) => ids[n] === id)

/** What is kept of the chosen tokens where another one is taken after position `at` of a text. */
export const chosenUpTo = (chosen: readonly number[], promptTokens: number, at: number): readonly number[] =>
  chosen.slice(0, Math.max(0, at + 1 - promptTokens))
