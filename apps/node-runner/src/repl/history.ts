import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Lines typed in earlier chats, kept in a file of one line each. */
export interface History {
  /** Newest first, as readline wants them. */
  readonly lines: string[]
  add(line: string): Promise<void>
}

const MOST_LINES = 1000

/**
 * Opens the history at `path`. It holds what people typed, so only they may read it. A chat goes on without a history
 * where the file cannot be used: `onTrouble` is told once.
 */
export async function openHistory(path: string, onTrouble: (reason: string) => void): Promise<History> {
  let troubled = false
  const trouble = (error: unknown): void => {
    if (!troubled) onTrouble(error instanceof Error ? error.message : String(error))
    troubled = true
  }

  const read = async (): Promise<string[]> => {
    try {
      return (await readFile(path, 'utf8')).split('\n').filter(Boolean)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      trouble(error)
      return []
    }
  }

  const old = await read()
  const kept = old.slice(-MOST_LINES)
  if (old.length > 2 * MOST_LINES) await writeFile(path, `${kept.join('\n')}\n`, { mode: 0o600 }).catch(trouble)
  return {
    lines: kept.reverse(),
    async add(line) {
      try {
        await mkdir(dirname(path), { recursive: true })
        await appendFile(path, `${line}\n`, { mode: 0o600 })
      } catch (error) {
        trouble(error)
      }
    },
  }
}
