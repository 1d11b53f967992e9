import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../setup/paths.mjs'

/** Where this folder's own dependencies are. They are no part of the workspace, so that `npm start` does not wait for them. */
export const here = dirname(fileURLToPath(import.meta.url))

/**
 * Installs what a folder's pnpm-lock.yaml names, if that has changed since the last time.
 * @param {string} folder with a package.json and a pnpm-lock.yaml of its own
 */
export function ensureInstalled(folder) {
  const lock = readFileSync(join(folder, 'pnpm-lock.yaml'), 'utf8')
  const stamp = join(folder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.log(`${folder}: installing`)
  pnpm(['install', '--frozen-lockfile'], folder)
  writeFileSync(stamp, lock)
}

/**
 * @param {string[]} args
 * @param {string} [cwd]
 * @returns {string} what pnpm printed
 */
export function pnpm(args, cwd = root) {
  const result = spawnSync('npx', ['-y', 'pnpm@12', ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
    shell: process.platform === 'win32',
    maxBuffer: 64 << 20,
  })
  if (result.status !== 0) throw new Error(`pnpm ${args.join(' ')}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

/**
 * @param {string} name of a program in this folder's node_modules/.bin
 * @param {string[]} args
 * @returns {string[]} nothing, or what it printed because it failed
 */
export function runTool(name, args) {
  const result = spawnSync(join(here, 'node_modules', '.bin', name), args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (result.error) return [`${name} could not be started: ${result.error.message}`]
  return result.status === 0 ? [] : [`${result.stdout}${result.stderr}`.trim()]
}
