import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'
import { pnpm } from './tools.mjs'

/** @typedef {{ name: string, folder: string, manifest: Record<string, any> }} Package folder from the root */

/**
 * @param {string} [from] the monorepo, or a copy of it
 * @returns {Package[]} the packages that are published, apps included
 */
export function publishedPackages(from = root) {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(from, group))
      .map((entry) => join(group, entry))
      .filter((folder) => existsSync(join(from, folder, 'package.json')))
      .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(from, folder, 'package.json'), 'utf8')) }))
      .filter(({ manifest }) => manifest.private !== true)
      .map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest })),
  )
}

/**
 * Packs each published package as `npm publish` would.
 * @param {string} into a folder, emptied first
 * @param {string} [from] the monorepo, or a copy of it
 * @returns {Map<string, string>} package name -> path of its tarball
 */
export function packAll(into, from = root) {
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const packages = publishedPackages(from)
  pnpm(['-r', ...packages.map(({ name }) => `--filter=${name}`), 'pack', '--pack-destination', into], from)
  return new Map(
    packages.map(({ name, manifest }) => {
      const tarball = join(into, `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`)
      if (!existsSync(tarball)) throw new Error(`${name}: packing made no ${tarball}`)
      return [name, tarball]
    }),
  )
}
