import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { withLock } from './lock.mjs'
import { node24, root, stateFolder } from './paths.mjs'
import { changedFiles, readStamp, stampOf, writeStamp } from './stamp.mjs'

/** A step of setup that went wrong; the message holds what the tool said. */
export class SetupError extends Error {}

const PNPM = ['-y', 'pnpm@12']
const OUTPUT_LINES = 40

/** @typedef {{ title: string, stampFile: string, sources: string[], outputs: string[], command: string[] }} Stage */

/** Folders of the workspace that hold a package. */
function workspaceFolders() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(join(root, group, entry.name, 'package.json')))
      .map((entry) => join(root, group, entry.name)),
  )
}

/** The site, which is built when it is wanted (`npm run demo`): the command and the packages need nothing of it. */
const SITE = 'demo'

/** @returns {Stage[]} install, then build, each with what it depends on and what it must have made */
function stages() {
  const folders = workspaceFolders()
  const built = folders.filter((folder) => basename(folder) !== SITE)
  const manifests = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((file) => join(root, file))
  const shared = ['turbo.json', 'tooling/tsconfig', 'tooling/tsup', 'tooling/asc', 'tooling/worker'].map((path) =>
    join(root, path),
  )
  return [
    {
      title: 'installing packages',
      stampFile: join(stateFolder, 'install.stamp'),
      sources: [...manifests, ...folders.map((folder) => join(folder, 'package.json'))],
      outputs: [node24],
      command: [...PNPM, 'install', '--frozen-lockfile'],
    },
    {
      title: 'building packages',
      stampFile: join(stateFolder, 'build.stamp'),
      sources: [...manifests, ...shared, ...built],
      outputs: built.map((folder) => join(folder, 'dist')),
      command: [...PNPM, 'exec', 'turbo', 'run', 'build', `--filter=!@g3/${SITE}`, '--output-logs=errors-only'],
    },
  ]
}

/** @param {Stage} stage @param {string} stamp */
const isDone = (stage, stamp) => readStamp(stage.stampFile) === stamp && stage.outputs.every((path) => existsSync(path))

/**
 * Runs npx with Node 24 first on the path (once it is there) and keeps the last lines for an error.
 * @param {string[]} args
 */
function npx(args) {
  const env = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
    // Without a terminal pnpm asks nothing and turbo and npm print no progress.
    CI: 'true',
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    npm_config_loglevel: 'error',
  }
  return new Promise((resolve, reject) => {
    const child = spawn('npx', args, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-64_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) =>
      reject(new SetupError(`npx could not be started (${error.message}); install Node 20 or newer with npm`)),
    )
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      const tail = output.trimEnd().split('\n').slice(-OUTPUT_LINES).join('\n')
      reject(new SetupError(`${tail}\n\n\`npx ${args.join(' ')}\` ended with ${signal ?? `code ${code}`}`))
    })
  })
}

/** Why a stage runs, in a few words. @param {Stage} stage @param {string} stamp */
function reason(stage, stamp) {
  const before = readStamp(stage.stampFile)
  if (before === undefined) return 'first time, this can take a minute'
  const [first, ...more] = changedFiles(before, stamp)
  if (first === undefined) return 'its output is missing'
  return more.length ? `${first} and ${more.length} more changed` : `${first} changed`
}

/**
 * Installs and builds what changed since the last time, and nothing else. Two at once take turns.
 * @param {{ log?: (line: string) => void }} [options] gets a few lines on what is done; default stderr
 * @returns {Promise<boolean>} whether anything had to be done
 * @throws {SetupError} with the output of the tool that failed
 */
export async function ensureSetup({ log = (line) => process.stderr.write(`${line}\n`) } = {}) {
  if (stages().every((stage) => isDone(stage, stampOf(root, stage.sources)))) return false
  return withLock(
    join(stateFolder, 'lock'),
    async () => {
      let worked = false
      for (const stage of stages()) {
        // Taken before the work, so that a file saved meanwhile counts as changed the next time.
        const stamp = stampOf(root, stage.sources)
        if (isDone(stage, stamp)) continue
        const start = performance.now()
        log(`setup: ${stage.title} (${reason(stage, stamp)})`)
        await npx(stage.command)
        writeStamp(stage.stampFile, stamp)
        log(`setup: ${stage.title} took ${((performance.now() - start) / 1000).toFixed(1)} s`)
        worked = true
      }
      return worked
    },
    (holder) => log(`setup: waiting for another setup (process ${holder})`),
  )
}

/** As {@link ensureSetup}, for a script's first line: prints the error and ends the process with code 1. */
export async function ensureSetupOrExit() {
  try {
    return await ensureSetup()
  } catch (error) {
    process.stderr.write(error instanceof SetupError ? `${error.message}\nsetup: failed\n` : `setup: ${error.stack}\n`)
    process.exit(1)
  }
}
