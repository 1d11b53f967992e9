import { check } from './errors.js'
import { ROLE } from './roles.js'
import { isUtf8 } from './utf8.js'
import type { Vocabulary } from './vocabulary.js'

export interface StreamDecoder {
  /**
   * Adds a token and returns the text that is now certain, perhaps none. Bytes of a character wait until the whole run
   * of byte tokens has ended, since one bad byte changes how the run is read. Throws `tokenizer/bad-id`.
   */
  push(id: number): string
  /** Returns what still waited, and makes the decoder ready for a new text. */
  end(): string
}

export interface DecodeOptions {
  /** Leaves markers (`isControl`) out of the text. Default false. */
  readonly skipSpecial?: boolean
}

export interface Decoder {
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  stream(options?: DecodeOptions): StreamDecoder
  bytes(id: number): Uint8Array
}

/**
 * Ids to text, as HF tokenizers' decoder (Replace U+2581, ByteFallback, Fuse) does: a maximal run of byte tokens is
 * read as one UTF-8 string, and if it isn't valid as a whole, each of its bytes becomes U+FFFD. Skipped markers do not
 * end a run.
 */
export function decoder(vocabulary: Vocabulary, roles: Uint8Array, byteIds: Int32Array): Decoder {
  const { size, bytes: pieceBytes, offsets } = vocabulary
  const byteOf = new Int16Array(size).fill(-1)
  byteIds.forEach((id, value) => (byteOf[id] = value))
  // U+FEFF at the start of a text is text.
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

  const checkId = (id: number): void =>
    check(Number.isInteger(id) && id >= 0 && id < size, 'tokenizer/bad-id', () => `no piece ${id}: there are ${size}`)
  const skips = (id: number, { skipSpecial = false }: DecodeOptions): boolean =>
    skipSpecial && roles[id] === ROLE.marker

  return {
    decode(ids, options = {}) {
      let capacity = 0
      for (let i = 0; i < ids.length; i++) {
        checkId(ids[i])
        capacity += byteOf[ids[i]] >= 0 ? REPLACEMENT.length : offsets[ids[i] + 1] - offsets[ids[i]]
      }
      const out = new Uint8Array(capacity)
      let at = 0
      let run = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]
        if (skips(id, options)) continue
        if (byteOf[id] >= 0) {
          out[at++] = byteOf[id]
          continue
        }
        at = closeRun(out, run, at)
        for (let j = offsets[id]; j < offsets[id + 1]; j++) out[at++] = pieceBytes[j]
        run = at
      }
      return utf8.decode(out.subarray(0, closeRun(out, run, at)))
    },

    stream(options = {}) {
      let run = new Uint8Array(16)
      let length = 0
      const flush = (): string => {
        if (length === 0) return ''
        const end = closeRun(run, 0, length)
        length = 0
        return utf8.decode(run.subarray(0, end))
      }
      return {
        push(id) {
          checkId(id)
          if (skips(id, options)) return ''
          if (byteOf[id] < 0) return flush() + utf8.decode(pieceBytes.subarray(offsets[id], offsets[id + 1]))
          if ((length + 1) * REPLACEMENT.length > run.length) {
            const grown = new Uint8Array(run.length * 2 + REPLACEMENT.length)
            grown.set(run)
            run = grown
          }
          run[length++] = byteOf[id]
          return ''
        },
        end: flush,
      }
    },

    bytes(id) {
      checkId(id)
      return byteOf[id] >= 0 ? Uint8Array.of(byteOf[id]) : pieceBytes.slice(offsets[id], offsets[id + 1])
    },
  }
}

/** U+FFFD in UTF-8. */
const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd)

/** Ends a run of byte tokens at out[run .. end): replaces it where it is not valid UTF-8. Returns the new end. */
function closeRun(out: Uint8Array, run: number, end: number): number {
  if (isUtf8(out, run, end)) return end
  const after = run + (end - run) * REPLACEMENT.length
  for (let i = run; i < after; i++) out[i] = REPLACEMENT[(i - run) % REPLACEMENT.length]
  return after
}
