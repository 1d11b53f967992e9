import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Installs tarballs into an empty folder, as a user's project would be.
 * @param {string} folder emptied first
 * @param {ReadonlyMap<string, string>} tarballs name -> file
 * @param {{ programs?: string }} [options] a folder that is copied into it
 */
export function installInto(folder, tarballs, { programs } = {}) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const dependencies = Object.fromEntries([...tarballs].map(([name, file]) => [name, `file:${file}`]))
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module', dependencies }),
  )
  if (programs !== undefined) cpSync(programs, folder, { recursive: true })
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], folder)
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {Record<string, string>} [env]
 * @returns {string} its stdout
 * @throws Error with what it printed, when it fails or takes longer than four minutes
 */
export function run(command, args, cwd, env = {}) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 240_000, env: { ...process.env, ...env } })
  if (result.status === 0) return result.stdout
  const what = result.error?.message ?? result.signal ?? `code ${result.status}`
  throw new Error(`${command} ${args.join(' ')} ended with ${what}\n${result.stdout}${result.stderr}`.slice(0, 4000))
}
