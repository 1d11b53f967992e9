import { readFileSync } from 'node:fs'
import { reference, type Backend } from '@g3/backend'
import { loadModel, type Model } from '@g3/runtime'
import { bytesSource } from '@g3/runtime/gguf'

export const bytesAt = (path: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(new URL(`../../../${path}`, import.meta.url)))

/** A file of the tiny random model, as the runtime's fixtures have it. */
export const tinyFile = (name: string) => bytesSource(bytesAt(`runtime/fixtures/tiny-random/${name}`), name)

/** A file of this package's fixtures. */
export const fixture = (name: string): Uint8Array<ArrayBuffer> => bytesAt(`distill/fixtures/${name}`)

export const fixtureJson = <T>(name: string): T => JSON.parse(new TextDecoder().decode(fixture(name)))

export const tinyModel = (file = 'tiny-text-f32.gguf', backend: Backend = reference()): Promise<Model> =>
  loadModel({ source: tinyFile(file), backend, context: 256 })
