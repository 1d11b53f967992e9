/** A file of the hub. */
export interface HubPlace {
  readonly repo: string
  readonly file: string
}

/** How long the hub may take to say what a file is: nobody waits for it longer. */
const PATIENCE_MS = 8000

/**
 * The sha256 that the hub announces for a file. Undefined where it does not answer: the file is fetched all the same, and told
 * from others by its ETag.
 */
export async function hubHash(place: HubPlace | undefined): Promise<string | undefined> {
  if (place === undefined) return undefined
  try {
    const url = `https://huggingface.co/api/models/${place.repo}/tree/main`
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return response.ok ? hashIn(await response.json(), place.file) : undefined
  } catch {
    return undefined
  }
}

/** Finds a file's hash in the hub's list of a repository, which is foreign data. */
export function hashIn(list: unknown, file: string): string | undefined {
  if (!Array.isArray(list)) return undefined
  const entry: unknown = list.find((item: unknown) => has(item, 'path') && item.path === file)
  if (!has(entry, 'lfs') || !has(entry.lfs, 'oid')) return undefined
  const { oid } = entry.lfs
  return typeof oid === 'string' && /^[0-9a-f]{64}$/.test(oid) ? oid : undefined
}

const has = <K extends string>(value: unknown, key: K): value is Readonly<Record<K, unknown>> =>
  typeof value === 'object' && value !== null && key in value
