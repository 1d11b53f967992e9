import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../setup/paths.mjs'

/** What may be shipped beside Apache-2.0 without a second thought. */
const ALLOWED = new Set([
  'MIT',
  'MIT-0',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
])

/** @param {string} expression SPDX, such as `(MIT OR Apache-2.0)` @returns {boolean} */
export function isAllowedLicence(expression) {
  const plain = expression.replace(/[()]/g, '')
  return plain
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((licence) => ALLOWED.has(licence.trim())))
}

/**
 * All that an install of a package brings, found as Node finds it.
 * @param {string} folder of a package
 * @param {Map<string, Record<string, any>>} [found] real folder -> package.json
 * @returns {Map<string, Record<string, any>>}
 */
export function closureOf(folder, found = new Map()) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const target = resolveFolder(folder, name)
    // Optional ones are for other platforms than this one.
    if (target === undefined && manifest.optionalDependencies?.[name] !== undefined) continue
    if (target === undefined)
      throw new Error(`${folder} depends on ${name}, which is not installed; run \`npm run setup\``)
    if (found.has(target)) continue
    found.set(target, JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')))
    closureOf(target, found)
  }
  return found
}

/** @param {string} from @param {string} name @returns {string | undefined} */
function resolveFolder(from, name) {
  for (let at = realpathSync(from); ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (at === dirname(at)) return undefined
  }
}

/**
 * Licences and install scripts of all that users install with a package.
 * @param {readonly import('./workspace.mjs').Package[]} packages
 * @returns {string[]}
 */
export function closureProblems(packages) {
  const problems = new Set()
  for (const { folder } of packages)
    for (const manifest of closureOf(join(root, folder)).values()) {
      const licence = typeof manifest.license === 'string' ? manifest.license : 'none named'
      const name = `${manifest.name}@${manifest.version}, with ${folder}`
      if (!isAllowedLicence(licence)) problems.add(`${name}: its licence is ${licence}`)
      for (const script of ['preinstall', 'install', 'postinstall'])
        if (manifest.scripts?.[script]) problems.add(`${name}: runs \`${manifest.scripts[script]}\` when installed`)
    }
  return [...problems]
}
