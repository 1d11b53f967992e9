import { check, type Backend, type Workload } from '@g3/backend'
import { hosted, loadTower, type Tower } from '@g3/vision'
import { encoderWorkload } from '../model/encoder-workload.js'
import { fingerprint } from '../model/fingerprint.js'
import type { LoadOptions } from './load.js'
import { openEncoder, type OpenedEncoder } from './opened-encoder.js'
import type { OpenedModel } from './opened-model.js'

/** What a model that is being loaded will see with. */
export interface Eyes {
  /** What the encoder asks of the backend; empty for one that computes elsewhere. */
  readonly workload: Partial<Pick<Workload, 'tensors' | 'buffers' | 'attendAll'>>
  load(backend: Backend): Promise<Tower>
  closeFiles(): Promise<void>
  /** Ends an encoder that was opened for this model. */
  dispose(): Promise<void>
}

/**
 * Opens the image encoder that the options name, or else that of the model's own files.
 * @throws G3Error `generate/bad-option`, as {@link openEncoder}; what opens an encoder throws
 */
export async function openEyes(options: LoadOptions, opened: OpenedModel): Promise<Eyes | undefined> {
  const { mmproj, encoder, signal } = options
  check(
    encoder === undefined || mmproj === undefined || mmproj === false,
    'generate/bad-option',
    'a model has one image encoder: give either mmproj or encoder',
  )
  if (encoder !== undefined) {
    const made = typeof encoder === 'function' ? await encoder(opened.config) : undefined
    const given = made ?? encoder
    check(typeof given !== 'function', 'generate/bad-option', 'what opens the image encoder gave none')
    return {
      workload: {},
      load: async (backend) => hosted(backend, given),
      closeFiles: async () => {},
      dispose: async () => made?.[Symbol.asyncDispose]?.(),
    }
  }
  if (mmproj === false) return undefined
  const found = mmproj === undefined ? opened.encoder : await openEncoder(mmproj, signal)
  return found && inBackend(found, signal)
}

function inBackend({ config, tensor, close }: OpenedEncoder, signal: AbortSignal | undefined): Eyes {
  return {
    workload: encoderWorkload(config, tensor),
    async load(backend) {
      const weights = fingerprint(config)
      const tower = await loadTower(backend, (name) => weights.of(tensor(name)), config, { signal })
      return { ...tower, name: weights.name() }
    },
    closeFiles: close,
    dispose: async () => {},
  }
}
