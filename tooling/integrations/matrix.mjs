import { isDeepStrictEqual } from 'node:util'

/**
 * @typedef {object} Surroundings what a host finds
 * @property {string} root the monorepo
 * @property {string} project a folder with the packages installed and the programs beside them
 * @property {string} model path of a GGUF
 * @property {string} node24
 * @property {string} toolsPackage package.json beside which hosts' tools are installed
 * @property {(path: string) => string} tool a path in the tools' node_modules
 * @property {import('@g3/chromium').Browser} browser
 * @property {Result} expected what the first host gave, which all others must give
 *
 * @typedef {{ ids: number[], description?: string, parts?: unknown, error?: string }} Result
 * @typedef {{ title: string, run: (at: Surroundings) => Promise<Result> }} Host
 * @typedef {{ title: string, problem: string | undefined, description: string, seconds: number }} Row
 */

/** @param {Result} result @param {Result} expected @returns {string | undefined} what is wrong with a result */
export function problemOf(result, expected) {
  if (result.error !== undefined) return result.error
  if (!isDeepStrictEqual(result.ids, expected.ids)) return `other tokens: ${result.ids} instead of ${expected.ids}`
  if (result.parts !== undefined && !isDeepStrictEqual(result.parts, expected.parts))
    return 'tokenizer, cache or grammar gave something else'
  return undefined
}

/**
 * Runs hosts one after the other.
 * @param {readonly Host[]} hosts
 * @param {Surroundings} at
 * @param {(row: Row) => void} onRow
 * @returns {Promise<Row[]>}
 */
export async function matrix(hosts, at, onRow) {
  const rows = []
  for (const { title, run } of hosts) {
    const start = performance.now()
    let problem
    let description = ''
    try {
      const result = await run(at)
      description = result.description ?? ''
      problem = problemOf(result, at.expected)
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
    }
    const row = { title, problem, description, seconds: (performance.now() - start) / 1000 }
    rows.push(row)
    onRow(row)
  }
  return rows
}
