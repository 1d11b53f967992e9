import { G3Error } from '@g3/backend'

/** Far more text than any context holds; what is longer was piped in by mistake. */
const MOST_BYTES = 64 << 20

/** Turns UTF-8 into text, a byte-order mark included. @throws G3Error `cli/bad-utf8` */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new G3Error('cli/bad-utf8', `${name} is not UTF-8 text: convert it first`, { cause })
  }
}

/** All of stdin as text, exactly. @throws G3Error `cli/stdin-too-long`, `cli/bad-utf8` */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MOST_BYTES)
      throw new G3Error('cli/stdin-too-long', `stdin has more than ${MOST_BYTES >> 20} MiB: give less text`)
  }
  return decodeUtf8(Buffer.concat(chunks), 'stdin')
}
