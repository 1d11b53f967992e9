import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, pnpm } from '../checks/tools.mjs'
import { packAll, publishedPackages } from '../checks/workspace.mjs'
import { run } from '../integrations/install.mjs'
import { ensureSetupOrExit } from '../setup/ensure.mjs'
import { node24, root } from '../setup/paths.mjs'
import { openRegistry } from './registry.mjs'

// `npm run rehearse`: a release without the world: versions and changelogs in a copy of the repository, all packages
// published to a registry of this machine, installed from it by their new versions, and a text generated.
const tools = join(root, 'tooling', 'integrations')
const work = join(root, '.setup', 'release')
const copy = join(work, 'copy')

await ensureSetupOrExit()
ensureInstalled(tools)

rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })
run('git', ['clone', '--quiet', '--no-hardlinks', root, copy], work)
const before = new Map(publishedPackages(root).map(({ name, manifest }) => [name, manifest.version]))
for (const { folder } of publishedPackages(root))
  cpSync(join(root, folder, 'dist'), join(copy, folder, 'dist'), { recursive: true })
// An install of its own: what packages ask of each other is read from it when they are packed.
pnpm(['install', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts'], copy)
run(node24, [join(root, 'node_modules/@changesets/cli/bin.js'), 'version'], copy)

const released = publishedPackages(copy)
for (const { name, folder, manifest } of released) {
  if (manifest.version === before.get(name))
    throw new Error(`${name} has no changeset, so it keeps ${manifest.version}`)
  const changelog = readFileSync(join(copy, folder, 'CHANGELOG.md'), 'utf8')
  if (!changelog.includes(`## ${manifest.version}`))
    throw new Error(`${name}: CHANGELOG.md says nothing of ${manifest.version}`)
  console.log(`${name} ${before.get(name)} -> ${manifest.version}, ${changelog.split('\n- ').length - 1} changes`)
}

const uplink = run('npm', ['config', 'get', 'registry'], work).trim()
const registry = await openRegistry(join(work, 'registry'), {
  verdaccio: join(tools, 'node_modules/verdaccio/bin/verdaccio'),
  node: node24,
  uplink,
})
try {
  const npmrc = join(work, 'npmrc')
  writeFileSync(npmrc, registry.npmrc)
  const npm = ['--userconfig', npmrc, '--registry', registry.url]
  for (const tarball of packAll(join(work, 'tarballs'), copy).values())
    run('npm', ['publish', tarball, '--access', 'public', '--no-provenance', ...npm], work)

  const user = join(work, 'user')
  cpSync(join(tools, 'programs'), user, { recursive: true })
  writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  const wanted = released.map(({ name, manifest }) => `${name}@${manifest.version}`)
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...npm, ...wanted], user)
  for (const { name, manifest } of released) {
    const installed = JSON.parse(readFileSync(join(user, 'node_modules', name, 'package.json'), 'utf8'))
    if (installed.version !== manifest.version)
      throw new Error(`${name} ${installed.version} was installed, not ${manifest.version}`)
    if (existsSync(join(user, 'node_modules', name, 'node_modules', '@g3')))
      throw new Error(`${name} brings a second copy of our packages`)
  }
  const model = join(root, 'packages/runtime/fixtures/tiny-random/tiny-text-q4_0.gguf')
  const { ids, description } = JSON.parse(run(node24, ['main.mjs', model], user))
  if (ids.length !== 24) throw new Error(`the installed packages wrote ${ids.length} tokens instead of 24`)
  console.log(
    `${released.length} packages published, installed from the registry and run: ${ids.length} tokens, ${description}`,
  )
} finally {
  await registry[Symbol.asyncDispose]()
}
