import { dirname, join } from 'node:path/posix'
import { importsOf } from './imports.mjs'

/**
 * @typedef {{ path: string, text: string }} SourceFile path from the root, with slashes
 * @typedef {{ dependencies?: object, peerDependencies?: object, devDependencies?: object }} Manifest
 */

/** Which of our packages each package may import: imports go down only. Apps may import all. */
const BELOW = {
  backend: [],
  tokenizer: [],
  'kv-cache': [],
  vision: ['backend'],
  'kernels-cpu': ['backend'],
  'kernels-webgpu': ['backend'],
  runtime: ['backend', 'kv-cache', 'tokenizer', 'vision'],
  'ai-sdk': ['runtime', 'tokenizer'],
  distill: ['backend', 'runtime', 'tokenizer'],
}
const KERNELS = /^kernels-/
/** Packages whose tests may take the kernels that they never import otherwise. */
const TESTS_BACKENDS = ['runtime', 'distill']

/** Where a package may use Node's modules: never in what a web page can reach. */
const NODE_SIDE = /(?:^|\/)(?:node[-./]|.*\.node\.ts$)/
const TEST_SIDE = /\.(?:test|bench)\.ts$|\/test(?:ing|-helpers?)\//

/** @param {string} path `packages/x/src/a.ts` -> `{ group: 'packages', name: 'x', inside: 'src/a.ts' }` */
function place(path) {
  const [group, name, ...rest] = path.split('/')
  return { group, name, inside: rest.join('/') }
}

/** @param {string} specifier `@scope/name/sub` -> `@scope/name` */
const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

/**
 * Why `from` may not import one of our packages, or undefined.
 * @param {ReturnType<typeof place>} from
 * @param {string} target
 */
function layerProblem(from, target) {
  if (from.group === 'apps' || target === from.name) return undefined
  const below = BELOW[from.name]
  if (below === undefined) return `has no place in the layers: add it to BELOW in tooling/lint/boundaries.mjs`
  const isTest = TEST_SIDE.test(from.inside)
  const choosesBackend = (from.name === 'runtime' && from.inside.startsWith('src/auto')) || (TESTS_BACKENDS.includes(from.name) && isTest)
  if (below.includes(target) || (choosesBackend && KERNELS.test(target))) return undefined
  const allowed = below.length ? below.join(', ') : 'none of our packages'
  return `${from.name} may import ${allowed}; data flows one way (ARCHITECTURE.md)`
}

/** @param {SourceFile} file @param {string} specifier @param {Manifest} manifest @returns {string | undefined} */
function problemWith(file, specifier, manifest) {
  const from = place(file.path)
  const isTest = TEST_SIDE.test(from.inside)
  if (specifier.startsWith('.')) {
    const target = place(join(dirname(file.path), specifier))
    if (target.group !== from.group || target.name !== from.name)
      return 'leaves its package: import the other one by its name'
    return /\.(?:js|json|css)$/.test(specifier) || isTest ? undefined : 'a relative import ends in .js'
  }
  if (specifier.startsWith('node:')) {
    const allowed = from.group === 'apps' || isTest || NODE_SIDE.test(from.inside)
    return allowed
      ? undefined
      : 'a page can reach this file: put what needs Node into a file named node-*.ts or *.node.ts'
  }
  // Scripts for a page of ours, inside a string: the page's server answers for these.
  if (specifier.startsWith('/')) return undefined
  const name = packageOf(specifier)
  if (name.startsWith('@g3/')) {
    const problem = layerProblem(from, name.slice('@g3/'.length))
    if (problem) return problem
  }
  const declared = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...(isTest ? manifest.devDependencies : {}),
  }
  const isSelf = name === `@g3/${from.name}`
  if (name in declared || isSelf || (isTest && (name === 'vitest' || name === 'fast-check'))) return undefined
  return `${name} is not a dependency in the package.json of ${from.group}/${from.name}`
}

/**
 * Cycles among files by imports that remain at run time.
 * @param {ReadonlyMap<string, string[]>} graph file -> imported files
 * @returns {string[][]} each cycle once, as a path that ends where it began
 */
export function findCycles(graph) {
  const state = new Map()
  const trail = []
  const cycles = []
  const visit = (file) => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(file)), file])
      return
    }
    state.set(file, 'open')
    trail.push(file)
    for (const next of graph.get(file) ?? []) visit(next)
    trail.pop()
    state.set(file, 'done')
  }
  for (const file of graph.keys()) visit(file)
  return cycles
}

/**
 * Checks the direction of imports, the use of Node's modules, declared dependencies, and cycles.
 * @param {readonly SourceFile[]} files
 * @param {(folder: string) => Manifest} manifestOf package.json of `packages/x` or `apps/x`
 * @returns {string[]} problems, each one line
 */
export function checkBoundaries(files, manifestOf) {
  const known = new Set(files.map((file) => file.path))
  const graph = new Map()
  const problems = []
  for (const file of files) {
    const { group, name } = place(file.path)
    const manifest = manifestOf(`${group}/${name}`)
    const edges = []
    for (const { specifier, typeOnly } of importsOf(file.text)) {
      const problem = problemWith(file, specifier, manifest)
      if (problem) problems.push(`${file.path} imports ${specifier}: ${problem}`)
      const target = join(dirname(file.path), specifier.replace(/\.js$/, '.ts'))
      if (specifier.startsWith('.') && !typeOnly && known.has(target)) edges.push(target)
    }
    graph.set(file.path, edges)
  }
  for (const cycle of findCycles(graph)) problems.push(`import cycle: ${cycle.join(' -> ')}`)
  return problems
}
