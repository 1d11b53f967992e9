import { check } from '@g3/backend'

/** What a backend has given out, and what stands for it on the device in use: when that is lost, all is made anew. */
export interface Handles<Handle extends object, Made> {
  /** @param make makes another of `made` */
  add(handle: Handle, made: Made, make: () => Made | Promise<Made>): void
  /** @throws G3Error `backend/foreign` */
  of(handle: Handle): Made
  /** Gives one up: it is nobody's any more. Returns what stood for it. */
  drop(handle: Handle): Made | undefined
  /** In the order in which they were added. */
  all(): readonly Made[]
  remake(): Promise<void>
}

export function handles<Handle extends object, Made>(kind: string): Handles<Handle, Made> {
  const entries = new Map<Handle, { made: Made; readonly make: () => Made | Promise<Made> }>()
  return {
    add: (handle, made, make) => void entries.set(handle, { made, make }),
    of(handle) {
      const entry = entries.get(handle)
      check(entry !== undefined, 'backend/foreign', `this ${kind} was made by another backend`)
      return entry.made
    },
    drop(handle) {
      const made = entries.get(handle)?.made
      entries.delete(handle)
      return made
    },
    all: () => [...entries.values()].map(({ made }) => made),
    async remake() {
      for (const entry of entries.values()) entry.made = await entry.make()
    },
  }
}
