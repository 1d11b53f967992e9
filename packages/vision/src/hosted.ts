import { check, type Backend } from '@g3/backend'
import type { Tower, VisionEncoder } from './encoder.js'

/**
 * An encoder from elsewhere as a model's: its soft tokens are written into the backend, where each text's program copies
 * them from.
 * @throws G3Error from `see`: as {@link VisionEncoder.encode}, `backend/shape`; from `project`: `vision/backend` where the
 * backend has no ops for images
 */
export function hosted(backend: Backend, encoder: VisionEncoder): Tower {
  const { tokens, width, side, name } = encoder
  return {
    tokens,
    width,
    side,
    ...(name !== undefined && { name }),
    encode: (pixels, options) => encoder.encode(pixels, options),
    features: (label) => ({ buffer: backend.buffer(label, tokens, width) }),
    async see(pixels, { buffer }, options) {
      await backend.write(buffer, await encoder.encode(pixels, options))
    },
    project({ pool }, { buffer }, out) {
      const { name: backendName } = backend.caps
      check(pool !== undefined, 'vision/backend', `the backend ${backendName} has no ops for images: take another one`)
      // Squares of one patch: their means are the rows themselves.
      pool({ x: buffer, columns: tokens, size: 1, out })
    },
  }
}
