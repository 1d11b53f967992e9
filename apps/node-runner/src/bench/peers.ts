import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { G3Error } from '@g3/backend'
import { cacheFolder } from '../models/cache.js'
import { makeFolder } from '../models/disk.js'
import { note } from '../output.js'
import { backendOf, type Job } from './protocol.js'

/** npm packages that an engine needs, with the versions that the drivers were written for. */
type Packages = Readonly<Record<string, string>>

const NODE_LLAMA_CPP = '3.22.1'
const WLLAMA: Packages = { '@wllama/wllama': '3.8.1' }

/** Its binaries come as one package a platform and kind; those for GPUs alone have 600 MB. */
function llamaBinary(): string {
  const { platform, arch } = process
  if (platform === 'darwin') return arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64'
  return `${platform === 'win32' ? 'win' : 'linux'}-${arch}`
}

/** A headless browser and what drives it. @throws G3Error `bench/no-peer` where it does not run */
function chromium(): Packages {
  if (process.platform === 'linux') return { 'playwright-core': '1.65.1', '@sparticuz/chromium': '153.0.0' }
  throw new G3Error('bench/no-peer', 'this engine runs in a browser, and the one that npm brings is for Linux')
}

/** What an engine needs and the folder for that, if it needs anything; engines in the browser share one. */
function needsOf(job: Pick<Job, 'engine' | 'backend'>): { readonly folder: string; readonly packages: Packages } | undefined {
  const { name, host } = job.engine
  switch (name) {
    case 'g3':
      return host && { folder: host, packages: chromium() }
    case 'node-llama-cpp':
      return {
        folder: name,
        packages: { 'node-llama-cpp': NODE_LLAMA_CPP, [`@node-llama-cpp/${llamaBinary()}`]: NODE_LLAMA_CPP },
      }
    case 'wllama':
      return backendOf(job) === 'webgpu'
        ? { folder: name, packages: WLLAMA }
        : { folder: 'chromium', packages: { ...WLLAMA, ...chromium() } }
    default:
      return name satisfies never
  }
}

/**
 * Makes sure that an engine's packages are there and returns their folder, if it needs any: `G3_PEERS` where that is
 * set, else one in the cache, filled by npm the first time. They are no dependencies of ours: only who compares needs
 * them.
 * @throws G3Error `bench/no-peer` when npm could not install them, or they are not for this system
 */
export async function installPackages(job: Pick<Job, 'engine' | 'backend'>, signal: AbortSignal): Promise<string | undefined> {
  const needs = needsOf(job)
  if (!needs) return undefined
  const names = Object.keys(needs.packages)
  const isComplete = (folder: string): boolean =>
    names.every((name) => existsSync(join(folder, 'node_modules', name, 'package.json')))
  const own = process.env.G3_PEERS
  if (own !== undefined && isComplete(own)) return own
  const folder = join(cacheFolder(), 'peers', needs.folder)
  if (isComplete(folder)) return folder
  const wanted = Object.entries(needs.packages).map(([name, version]) => `${name}@${version}`)
  note(`installing ${wanted.join(', ')} into ${folder}, once`)
  await makeFolder(folder)
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) await writeFile(manifest, '{"private":true}\n')
  await npmInstall(folder, wanted, signal)
  if (!isComplete(folder)) throw new G3Error('bench/no-peer', `npm installed not all of ${names.join(', ')}`)
  return folder
}

const INSTALL_MS = 600_000

/**
 * Optional dependencies stay away: they are binaries for other machines. Scripts too: the prebuilt ones need no build.
 */
function npmInstall(folder: string, wanted: readonly string[], signal: AbortSignal): Promise<void> {
  const args = [
    'install',
    '--omit=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...wanted,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd: folder,
      signal,
      timeout: INSTALL_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32',
    })
    let said = ''
    child.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(-2000)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve()
      reject(new G3Error('bench/no-peer', `npm could not install ${wanted.join(', ')}: ${said.trim()}`))
    })
  })
}

/** Where a job's packages are. @throws G3Error `bench/no-peer` */
export function packagesOf({ engine, packages }: Job): string {
  if (packages === undefined) throw new G3Error('bench/no-peer', `the job names no folder of packages for ${engine.name}`)
  return packages
}

/** The folder of a peer's package. @throws G3Error `bench/no-peer` */
export const peerFolder = (name: string, job: Job): string => join(packagesOf(job), 'node_modules', name)

/** Imports a peer's package. `T` names the part of it that is used. */
export async function importPeer<T>(name: string, job: Job): Promise<T> {
  const main = createRequire(join(peerFolder(name, job), 'package.json')).resolve(name)
  return importFile(main)
}

/** Imports a file of a package that its manifest does not lead to. */
export const importFile = async <T>(path: string): Promise<T> => await import(pathToFileURL(path).href)
