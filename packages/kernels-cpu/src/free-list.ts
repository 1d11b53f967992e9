/** Pieces of a memory that were given back, neighbours joined. */
export interface FreeList {
  give(address: number, bytes: number): void
  /** The first piece that is large enough, or its beginning; undefined where there is none. */
  take(bytes: number): number | undefined
}

interface Piece {
  readonly address: number
  readonly bytes: number
}

export const freeList = (): FreeList => {
  /** By address; no two of them touch. */
  let pieces: Piece[] = []
  return {
    give(address, bytes) {
      const before = pieces.filter((piece) => piece.address < address)
      const after = pieces.filter((piece) => piece.address > address)
      const last = before.at(-1)
      const [next] = after
      let own: Piece = { address, bytes }
      if (last !== undefined && last.address + last.bytes === address) {
        own = { address: last.address, bytes: last.bytes + own.bytes }
        before.pop()
      }
      if (next !== undefined && own.address + own.bytes === next.address) {
        own = { address: own.address, bytes: own.bytes + next.bytes }
        after.shift()
      }
      pieces = [...before, own, ...after]
    },
    take(bytes) {
      const at = pieces.findIndex((piece) => piece.bytes >= bytes)
      if (at < 0) return undefined
      const { address, bytes: held } = pieces[at]
      const rest = held > bytes ? [{ address: address + bytes, bytes: held - bytes }] : []
      pieces.splice(at, 1, ...rest)
      return address
    },
  }
}
