import { G3Error, type Backend, type Buffer, type CacheStore, type Program } from '@g3/backend'
import type { Lane } from './lane.js'
import type { LayerPlace } from './place-layers.js'
import { slotViews } from './slot-views.js'

export interface ShiftParts {
  readonly backend: Backend
  readonly caches: readonly CacheStore[]
  readonly layers: readonly LayerPlace[]
  /** [maxRows, kvHeads · headDim], free between passes */
  readonly k: Buffer
}

/**
 * Makes what drops tokens of a lane: the keys that move up are rotated to their new positions, each layer's by its own
 * base and scaling.
 */
export function shifter({
  backend,
  caches,
  layers,
  k,
}: ShiftParts): (lane: Lane, keep: number, drop: number) => number {
  const programs: Program[] = []
  const programOf = (index: number): Program =>
    (programs[index] ??= backend.record(`rerotate ${caches[index].spec.label}`, (ops) => {
      for (const { cache, layer, rope } of layers) {
        if (cache === caches[index]) ops.rerotate({ k, cache, layer, rope })
      }
    }))

  /** Rotates the keys in `slots` back by `distance` positions. */
  const rerotate = (index: number, slots: Int32Array, distance: number): void => {
    for (let from = 0; from < slots.length; from += k.rows) {
      const part = slots.subarray(from, from + k.rows)
      backend.run(programOf(index), {
        rows: part.length,
        positions: new Int32Array(part.length).fill(distance),
        views: slotViews(caches[index], part),
      })
    }
  }

  return (lane, keep, drop) => {
    const { kept, dropped, copies, slots } = lane.positions.shift(keptAgain(lane, keep), drop)
    for (const { cache, from, to } of copies) backend.copyPage(caches[cache], from, to)
    for (const [index, moved] of slots.entries()) if (moved.length > 0) rerotate(index, moved, dropped)
    lane.kept = kept
    lane.dropped += dropped
    return dropped
  }
}

/**
 * One cut at most can be told from the tokens, so a later shift cuts where the first one did.
 * @throws G3Error `kv-cache/shift`
 */
function keptAgain({ dropped, kept }: Lane, keep: number): number {
  if (dropped === 0) return keep
  if (keep <= kept) return kept
  throw new G3Error(
    'kv-cache/shift',
    `the text was shifted after its first ${kept} tokens: ${keep} cannot be kept any more`,
  )
}
