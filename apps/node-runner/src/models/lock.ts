import { randomUUID } from 'node:crypto'
import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { G3Error } from '@g3/backend'
import { storeFailure } from './disk.js'

export interface LockOptions {
  readonly signal?: AbortSignal | undefined
  /** Called once, when somebody else holds the lock. */
  readonly onWait?: (() => void) | undefined
  readonly timing?: LockTiming | undefined
}

export interface LockTiming {
  /** A holder says that it lives this often. */
  readonly beatMs: number
  /** A lock without such a sign for this long belongs to nobody. */
  readonly staleMs: number
  /** A waiter looks this often. */
  readonly pollMs: number
}

const TIMING: LockTiming = { beatMs: 3000, staleMs: 30_000, pollMs: 200 }

interface Holder {
  readonly id: string
  readonly pid: number
  readonly host: string
}

/**
 * Runs `body` while this process alone holds the lock file at `path`; others wait, however long `body` takes.
 * A lock whose process is gone is taken over: at once on the same machine, else when its file has not been touched for
 * a while. `body` gets a signal that fires when the lock was lost (this process slept too long and another took over).
 * @throws what `body` throws, `signal`'s reason, or G3Error `models/lock-lost`
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timing = options.timing ?? TIMING
  const holder: Holder = { id: randomUUID(), pid: process.pid, host: hostname() }
  await acquire(path, holder, options, timing)
  const lost = new AbortController()
  const beat = setInterval(async () => {
    const now = new Date()
    if ((await readHolder(path))?.id === holder.id) await utimes(path, now, now).catch(() => undefined)
    else lost.abort(new G3Error('models/lock-lost', `another process took over ${path}; run the command again`))
  }, timing.beatMs)
  try {
    return await body(options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal)
  } finally {
    clearInterval(beat)
    if ((await readHolder(path))?.id === holder.id) await rm(path, { force: true })
  }
}

async function acquire(
  path: string,
  holder: Holder,
  { signal, onWait }: LockOptions,
  timing: LockTiming,
): Promise<void> {
  for (let waiting = false; !(await create(path, holder));) {
    signal?.throwIfAborted()
    if (await isStale(path, timing)) {
      await takeAway(path, timing)
      continue
    }
    if (!waiting) onWait?.()
    waiting = true
    await sleep(timing.pollMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

/** Creates the file with its content; false when it is there already. */
async function create(path: string, content: Holder): Promise<boolean> {
  const file = await open(path, 'wx').catch((cause: unknown) => {
    if (isCode(cause, 'EEXIST')) return undefined
    throw storeFailure(path, cause)
  })
  if (!file) return false
  try {
    await file.writeFile(JSON.stringify(content))
  } catch (cause) {
    // A full disk takes the name and not the content.
    await rm(path, { force: true })
    throw storeFailure(path, cause)
  } finally {
    await file.close()
  }
  return true
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isHolder(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function isStale(path: string, { staleMs }: LockTiming): Promise<boolean> {
  const holder = await readHolder(path)
  if (holder && holder.host === hostname() && !isAlive(holder.pid)) return true
  return (await ageMs(path)) > staleMs
}

/** Two waiters may find the same stale lock: only the one that makes the guard removes it, after a second look. */
async function takeAway(path: string, timing: LockTiming): Promise<void> {
  const guard = `${path}.break`
  const file = await open(guard, 'wx').catch(() => undefined)
  if (!file) {
    // Its maker needs a moment for what follows; a guard older than that was left by a process that ended in it.
    if ((await ageMs(guard)) > timing.staleMs) await rm(guard, { force: true })
    await sleep(timing.pollMs)
    return
  }
  try {
    await file.close()
    if (await isStale(path, timing)) await rm(path, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

const ageMs = async (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  )

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !isCode(cause, 'ESRCH')
  }
}

const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  'host' in value &&
  'pid' in value &&
  Number.isInteger(value.pid)

const isCode = (cause: unknown, code: string): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === code
