import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const HEARTBEAT_MS = 2_000
/** A holder that was alive touched its lock within this time, even on a busy machine. */
const SILENT_MS = 30_000
const POLL_MS = 100

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** @param {string} path @returns {{ holder: string, silentMs: number } | undefined} */
function inspect(path) {
  try {
    return { holder: readFileSync(path, 'utf8'), silentMs: Date.now() - statSync(path).mtimeMs }
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** @param {{ holder: string, silentMs: number }} lock */
const isAbandoned = ({ holder, silentMs }) => silentMs > SILENT_MS || (holder !== '' && !isAlive(Number(holder)))

/** @param {string} path */
function tryTake(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/**
 * Moves an abandoned lock away; whoever else took over in between gets theirs back.
 * @param {string} path
 * @param {string} holder
 */
function clear(path, holder) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, 'utf8') === holder) rmSync(aside)
    else renameSync(aside, path)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

/**
 * Runs `work` while no other process holds the lock file. A lock whose holder died, or has been silent for 30 s, is
 * taken over.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {(holder: string) => void} [onWait] called once when another process holds it
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true })
  let waited = false
  while (!tryTake(path)) {
    const lock = inspect(path)
    if (!lock) continue
    if (isAbandoned(lock)) {
      clear(path, lock.holder)
      continue
    }
    if (!waited) onWait(lock.holder)
    waited = true
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const heartbeat = setInterval(() => utimesSync(path, new Date(), new Date()), HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    rmSync(path, { force: true })
  }
}
