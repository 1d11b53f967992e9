import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'
import { packAll } from './workspace.mjs'

/** Lifecycle scripts that run on a user's machine, or that would change what is published behind the workflow's back. */
const LIFECYCLE = [
  'preinstall',
  'install',
  'postinstall',
  'prepare',
  'prepublish',
  'prepublishOnly',
  'prepack',
  'postpack',
]

/**
 * What a published package.json must say, and must not do.
 * @param {import('./workspace.mjs').Package} entry
 * @returns {string[]}
 */
export function manifestProblems({ name, manifest }) {
  const problems = []
  const ask = (holds, problem) => holds || problems.push(`${name}: ${problem}`)
  ask(manifest.type === 'module', 'is not "type": "module"')
  ask(manifest.license === 'Apache-2.0', 'has no "license": "Apache-2.0"')
  ask(manifest.description?.length > 20, 'says too little in "description"')
  ask(manifest.sideEffects !== undefined || manifest.bin, 'does not say "sideEffects", so bundlers keep all of it')
  ask(manifest.engines?.node === '>=22', 'asks for other Node versions than the others ("engines": >=22)')
  for (const file of ['dist', 'README.md', 'LICENSE'])
    ask(manifest.files?.includes(file), `does not publish ${file} ("files")`)
  for (const script of LIFECYCLE) ask(manifest.scripts?.[script] === undefined, `has a ${script} script`)
  for (const [kind, names] of Object.entries({ dependencies: manifest.dependencies, peers: manifest.peerDependencies }))
    for (const [dependency, range] of Object.entries(names ?? {})) {
      const loose = kind === 'dependencies' && !/^(?:workspace:\*|\d+\.\d+\.\d+)$/.test(range)
      ask(!loose, `depends on ${dependency} ${range}; name one version`)
    }
  return problems
}

/** @param {{ name: string, tarball: string }} packed @param {boolean} isLibrary */
async function tarballProblems({ name, tarball }, isLibrary) {
  const { publint } = await import('publint')
  const { formatMessage } = await import('publint/utils')
  const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core')
  const bytes = readFileSync(tarball)
  const { messages, pkg } = await publint({ pack: { tarball: toArrayBuffer(bytes) }, strict: true })
  const problems = messages.map((message) => `${name}: publint: ${formatMessage(message, pkg)}`)
  if (!isLibrary) return problems
  const types = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)))
  if (types.types === false) return [...problems, `${name}: has no types`]
  return problems.concat(
    types.problems
      // ESM only: CommonJS callers use Node's require(esm), whose types TypeScript's old resolutions do not know.
      .filter((problem) => problem.resolutionKind !== 'node10' && problem.kind !== 'CJSResolvesToESM')
      .filter((problem) => !problem.entrypoint?.endsWith('.wasm'))
      .map((problem) => `${name}: types: ${problem.kind} ${JSON.stringify(problem)}`),
  )
}

/** @param {Buffer} bytes @returns {ArrayBuffer} */
const toArrayBuffer = (bytes) => new Uint8Array(bytes).buffer

/**
 * Packs all packages and asks publint (strict) and are-the-types-wrong of each what a user would meet.
 * @param {readonly import('./workspace.mjs').Package[]} packages
 * @returns {Promise<string[]>}
 */
export async function publishingProblems(packages) {
  const tarballs = packAll(join(root, '.setup', 'checked-tarballs'))
  const problems = packages.flatMap(manifestProblems)
  for (const { name, manifest } of packages) {
    const tarball = tarballs.get(name)
    if (tarball === undefined) problems.push(`${name}: was not packed`)
    else problems.push(...(await tarballProblems({ name, tarball }, manifest.exports !== undefined)))
  }
  return problems
}
