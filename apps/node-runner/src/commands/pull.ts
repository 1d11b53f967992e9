import { onInterrupt } from '../interrupt.js'
import { findModel } from '../loading.js'
import { print } from '../output.js'

/** `g3 pull [MODEL]`: fetches a model where it is not here yet, and prints the path of its file. */
export async function pull(model: string | undefined): Promise<void> {
  using interrupt = onInterrupt()
  const { path } = await findModel(model, interrupt.signal)
  await print(`${path}\n`)
}
