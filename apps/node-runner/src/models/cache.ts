import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The folder for everything that can be fetched again: `G3_CACHE`, or the place that the system has for such things.
 */
export function cacheFolder(env: Environment = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.G3_CACHE) return env.G3_CACHE
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'g3')
  const home = env.HOME ?? homedir()
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'g3')
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'g3', 'cache')
  return join(home, '.cache', 'g3')
}

/** `models/<name>/<file>` in the cache. A file is there only when it is whole and checked. */
export const modelPath = (cache: string, name: string, file: string): string => join(cache, 'models', name, file)

/** A folder name for a model that has a URL and no name. */
export const urlModelName = (url: URL): string =>
  `url-${createHash('sha256').update(url.href).digest('hex').slice(0, 16)}`

export const isFile = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
