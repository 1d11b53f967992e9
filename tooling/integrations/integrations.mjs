import { join } from 'node:path'
import { openBrowser } from '../chromium/src/index.ts'
import { ensureInstalled } from '../checks/tools.mjs'
import { packAll, publishedPackages } from '../checks/workspace.mjs'
import { ensureSetupOrExit } from '../setup/ensure.mjs'
import { node24, root } from '../setup/paths.mjs'
import { aloneCases } from './alone.mjs'
import { EDGE } from './hosts/edge.mjs'
import { NEXT } from './hosts/next.mjs'
import { PAGES } from './hosts/pages.mjs'
import { RUNTIMES } from './hosts/runtimes.mjs'
import { installInto } from './install.mjs'
import { matrix } from './matrix.mjs'

// `npm run integrations [-- WORD]`: packs the packages, installs the tarballs in empty folders and generates the same text
// in each host, or in those with WORD in their names.
const here = join(root, 'tooling', 'integrations')
const word = process.argv[2]?.toLowerCase() ?? ''

await ensureSetupOrExit()
ensureInstalled(here)
const work = join(root, '.setup', 'integrations')
const tarballs = packAll(join(work, 'tarballs'))
const manifests = new Map(publishedPackages().map(({ name, manifest }) => [name, manifest]))
const project = join(work, 'project')
installInto(project, tarballs, { programs: join(here, 'programs') })

const browser = await openBrowser()
try {
  const surroundings = {
    root,
    project,
    model: join(root, 'packages/runtime/fixtures/tiny-random/tiny-text-q4_0.gguf'),
    node24,
    toolsPackage: join(here, 'package.json'),
    tool: (path) => join(here, 'node_modules', path),
    browser,
  }
  const [first] = RUNTIMES
  const at = { ...surroundings, expected: await first.run(surroundings) }
  const hosts = [...RUNTIMES, ...PAGES, ...NEXT, ...EDGE, ...aloneCases(tarballs, (name) => manifests.get(name))]
  const chosen = hosts.filter(({ title }) => title.toLowerCase().includes(word))
  if (chosen.length === 0)
    throw new Error(`no host has ${word} in its name: ${hosts.map(({ title }) => title).join('; ')}`)
  const rows = await matrix(chosen, at, ({ title, problem, description, seconds }) =>
    console.log(
      `${problem === undefined ? 'fine' : 'FAIL'}  ${title.padEnd(52)} ${seconds.toFixed(1).padStart(5)} s  ${problem ?? description}`,
    ),
  )
  const failed = rows.filter(({ problem }) => problem !== undefined)
  console.log(`${rows.length - failed.length} of ${rows.length} hosts write the same ${at.expected.ids.length} tokens`)
  if (failed.length > 0) process.exitCode = 1
} finally {
  await browser[Symbol.asyncDispose]()
}
