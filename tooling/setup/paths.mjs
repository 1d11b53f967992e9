import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The monorepo's root. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Where setup keeps its stamps and its lock. Ignored by git; safe to delete. */
export const stateFolder = join(root, '.setup')

/** Node 24, which the dev dependency `node` brings. */
export const node24 = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** The `g3` command as built. */
export const cli = join(root, 'apps', 'node-runner', 'dist', 'cli.js')
