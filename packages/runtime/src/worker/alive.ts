/*
 * Nothing tells a page that a worker was terminated, nor a shared worker that a tab was closed. A Web Lock does: it is let
 * go with the thread that holds it, however that ends. Where there are none (pages that are not secure) and in Node, events
 * of worker and port have to do.
 */

const locks = (): LockManager | undefined => globalThis.navigator?.locks

/** Holds a lock from when this resolves until the function that it gives is called, or this thread ends. */
export async function holdLock(name: string): Promise<() => void> {
  const manager = locks()
  if (manager === undefined) return () => {}
  const { promise, resolve } = Promise.withResolvers<void>()
  await new Promise<void>((held, failed) => {
    manager
      .request(name, () => {
        held()
        return promise
      })
      .catch(failed)
  })
  return resolve
}

/** Tells when nobody holds a lock any more that somebody holds now. @returns what stops it */
export function whenLetGo(name: string, tell: () => void): () => void {
  const abort = new AbortController()
  locks()
    ?.request(name, { signal: abort.signal }, tell)
    .catch(() => {})
  return () => abort.abort()
}
