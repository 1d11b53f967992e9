import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'
import { pnpm } from './tools.mjs'

/** @typedef {{ name: string, folder: string, manifest: Record<string, any> }} Package folder from the root */

/** @returns {Package[]} the packages that are published, apps included */
export function publishedPackages() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((entry) => join(group, entry))
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }))
      .filter(({ manifest }) => manifest.private !== true)
      .map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest })),
  )
}

/**
 * Packs each published package as `npm publish` would.
 * @param {string} into a folder, emptied first
 * @returns {Map<string, string>} package name -> path of its tarball
 */
export function packAll(into) {
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const packages = publishedPackages()
  pnpm(['-r', ...packages.map(({ name }) => `--filter=${name}`), 'pack', '--pack-destination', into])
  return new Map(
    packages.map(({ name, manifest }) => {
      const tarball = join(into, `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`)
      if (!existsSync(tarball)) throw new Error(`${name}: packing made no ${tarball}`)
      return [name, tarball]
    }),
  )
}
