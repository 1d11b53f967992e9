import type { Constraint } from '../constraint.js'

const utf8 = new TextEncoder()

/** Whether a constraint over the test vocabulary takes all of a text, byte by byte, and may end there. */
export function reads(constraint: Constraint, text: string): boolean {
  for (const byte of utf8.encode(text)) {
    if (!constraint.allows(byte + 1)) return false
    constraint.accept(byte + 1)
  }
  return constraint.isComplete()
}

/** A value in the spelling of constraints. */
export function spelled(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelled).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${spelled(item)}`)
  return `{${members.join(', ')}}`
}

const utf8Text = new TextDecoder('utf-8', { fatal: true })

/**
 * Writes a random text, token by token, among those that the mask allows: the longer it is, the likelier those that
 * close something.
 * @param random uniform in [0, 1)
 * @returns undefined where it is not complete after `most` tokens
 */
export function randomText(constraint: Constraint, random: () => number, most: number): string | undefined {
  const { vocabulary } = constraint
  const mask = new Uint32Array(vocabulary.words)
  const written: number[] = []
  for (let count = 0; count < most; count++) {
    constraint.mask(mask)
    const allowed = Array.from({ length: vocabulary.size }, (_, id) => id).filter(
      (id) => ((mask[id >> 5] >>> (id & 31)) & 1) === 1,
    )
    if (allowed.length === 0) throw new Error(`stuck after ${utf8Text.decode(Uint8Array.from(written))}`)
    if (vocabulary.ends.some((id) => allowed.includes(id)) && random() < 0.5) break
    const closing = allowed.filter((id) => isClosing(vocabulary.bytes(id)))
    const among =
      closing.length > 0 && random() < 0.2 + count / most
        ? closing
        : allowed.filter((id) => !vocabulary.ends.includes(id))
    if (among.length === 0) break
    const id = among[Math.floor(random() * among.length)]
    constraint.accept(id)
    written.push(...(vocabulary.bytes(id) ?? []))
  }
  return constraint.isComplete() ? utf8Text.decode(Uint8Array.from(written)) : undefined
}

/** Whether a token ends a string, an array or an object at once. */
function isClosing(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && (bytes[0] === 0x22 || bytes[0] === 0x5d || bytes[0] === 0x7d)
}
