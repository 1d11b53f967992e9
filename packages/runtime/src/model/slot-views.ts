import type { CacheStore, CacheView } from '@g3/backend'

const NONE = new Int32Array(0)

/** Views of a step that only names slots of one cache, and attends to nothing. */
export function slotViews({ index }: CacheStore, slots: Int32Array): readonly CacheView[] {
  const views: CacheView[] = []
  views[index] = { slots, spans: NONE, tables: NONE, pages: NONE, entries: 0 }
  return views
}
