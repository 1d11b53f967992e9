import type { Backend } from '@g3/backend'
import { openModel, type OpenedModel } from '@g3/runtime'
import type { LabModel } from './calls.js'

/** Keeps what was made of the latest model, and gives it up when another is wanted. */
export function latest<T extends { close(): Promise<void> }>(
  make: (model: LabModel, onProgress: (share: number) => void) => Promise<T>,
) {
  let held: { readonly key: string; readonly made: Promise<T> } | undefined
  return async (model: LabModel, onProgress: (share: number) => void = () => {}): Promise<T> => {
    const key = `${model.id} ${JSON.stringify(model.wish)}`
    if (held?.key === key) return held.made
    const before = held
    const made = (async () => {
      await before?.made.then(
        (old) => old.close(),
        () => {},
      )
      return make(model, onProgress)
    })()
    const mine = (held = { key, made })
    made.catch(() => {
      if (held === mine) held = undefined
    })
    return made
  }
}

/** What a lab's works share. */
export interface LabModels {
  /** The latest model's files. */
  readonly opened: (model: LabModel) => Promise<OpenedModel>
}

export const labModels = (): LabModels => ({ opened: latest(async ({ source }) => openModel(source)) })

export async function openBackend({ wish }: LabModel): Promise<Backend> {
  const { autoBackend } = await import('@g3/runtime/auto')
  return autoBackend(wish)
}
