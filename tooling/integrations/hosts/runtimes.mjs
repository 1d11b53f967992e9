import { run } from '../install.mjs'

/** @typedef {import('../integrations.mjs').Surroundings} Surroundings */
/** @typedef {{ ids: number[], description?: string, parts?: unknown, error?: string }} Result */

const program = (title, command, args) => ({
  title,
  /** @param {Surroundings} at @returns {Promise<Result>} */
  run: async (at) => JSON.parse(run(command(at), [...args, 'main.mjs', at.model], at.project)),
})

/** Programs that run main.mjs as it is. */
export const RUNTIMES = [
  program('Node 24', (at) => at.node24, []),
  program('Node 22', (at) => at.tool('node-22/bin/node'), []),
  program('Bun', (at) => at.tool('.bin/bun'), []),
  program('Deno', (at) => at.tool('.bin/deno'), ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual']),
]
