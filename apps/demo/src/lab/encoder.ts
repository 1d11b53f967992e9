import type { Backend } from '@g3/backend'
import { towerConfigFromGguf } from '@g3/runtime'
import { blobSource, httpSource, readGguf, tensorNamed } from '@g3/runtime/gguf'
import { loadTower, type Tower, type TowerConfig } from '@g3/vision'
import type { LabModel } from './calls.js'

/** A model's image encoder, on a backend; undefined where it has none. */
export async function openEncoder(
  { mmproj }: LabModel,
  backend: Backend,
): Promise<{ readonly tower: Tower; readonly config: TowerConfig } | undefined> {
  if (mmproj === undefined) return undefined
  const gguf = await readGguf(typeof mmproj === 'string' ? await httpSource(mmproj) : blobSource(mmproj, 'mmproj'))
  const config = towerConfigFromGguf(gguf)
  return { config, tower: await loadTower(backend, (name) => tensorNamed(gguf, name), config) }
}
