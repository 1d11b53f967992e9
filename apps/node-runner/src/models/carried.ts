import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CarriedFiles } from './registry.js'

/** Where the files of a model lie that came with the command. */
export function carriedPaths({ file, mmproj }: CarriedFiles): { readonly path: string; readonly mmproj: string } {
  const folder = join(packageFolder(), 'assets')
  return { path: join(folder, file), mmproj: join(folder, mmproj) }
}

/** This package's own folder, as built and in its sources. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}
