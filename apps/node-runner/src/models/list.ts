import { cacheFolder, isFile, modelPath, type Environment } from './cache.js'
import { carriedPaths } from './carried.js'
import { MODELS, type ModelEntry } from './registry.js'

/** A model that can be named, and where its file is; `path` is undefined until it was downloaded. */
export interface ListedModel extends ModelEntry {
  readonly path: string | undefined
}

export const listModels = async (env: Environment = process.env): Promise<readonly ListedModel[]> =>
  Promise.all(MODELS.map(async (entry) => ({ ...entry, path: await cachedModel(entry, env) })))

/** Where a model with a name lies, in the cache or with the command; undefined when it is not there. */
export async function cachedModel(entry: ModelEntry, env: Environment): Promise<string | undefined> {
  for (const origin of entry.origins) {
    const isCarried = origin.kind === 'carried'
    const path = isCarried ? carriedPaths(origin).path : modelPath(cacheFolder(env), entry.name, origin.file)
    if (await isFile(path)) return path
  }
  return undefined
}
