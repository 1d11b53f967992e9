import { join } from 'node:path'
import { packageFolder } from '../package-folder.js'
import type { CarriedFiles } from './registry.js'

/** Where the files of a model lie that came with the command. */
export function carriedPaths({ file, mmproj }: CarriedFiles): { readonly path: string; readonly mmproj: string } {
  const folder = join(packageFolder(), 'assets')
  return { path: join(folder, file), mmproj: join(folder, mmproj) }
}
