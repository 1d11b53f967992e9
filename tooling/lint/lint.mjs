import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { ensureSetupOrExit } from '../setup/ensure.mjs'
import { node24, root } from '../setup/paths.mjs'
import { checkBoundaries } from './boundaries.mjs'

// `npm run lint`: import directions and cycles, then the types of all sources and tests.
await ensureSetupOrExit()

/** @returns {import('./boundaries.mjs').SourceFile[]} */
function sources() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).flatMap((name) => {
      const folder = join(root, group, name, 'src')
      if (!existsSync(folder)) return []
      return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
        .map((entry) => {
          const path = join(entry.parentPath, entry.name)
          return { path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }
        })
    }),
  )
}

const files = sources()
const problems = checkBoundaries(files, (folder) =>
  JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')),
)
for (const problem of problems) console.error(problem)
console.log(`boundaries: ${files.length} files, ${problems.length} problems`)

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const types = spawnSync(node24, [tsc, '-p', join(root, 'tooling', 'tsconfig', 'check.json')], {
  cwd: root,
  stdio: 'inherit',
})
console.log(types.status === 0 ? 'types: fine' : 'types: see above')
process.exitCode = problems.length === 0 && types.status === 0 ? 0 : 1
