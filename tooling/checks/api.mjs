import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/paths.mjs'

const COMPILER = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'],
  module: 'esnext',
  moduleResolution: 'bundler',
  types: [],
  strict: true,
  skipLibCheck: true,
}
const SILENT = { default: { logLevel: 'none' } }
const SCRATCH = join(root, '.setup', 'api')

/** @param {readonly import('./workspace.mjs').Package[]} packages @returns {{ folder: string, types: string, report: string }[]} */
const entriesOf = (packages) =>
  packages.flatMap(({ folder, manifest }) =>
    Object.entries(manifest.exports ?? {})
      .filter(([, target]) => target.types !== undefined)
      .map(([entry, target]) => ({
        folder,
        types: join(root, folder, target.types),
        report: entry === '.' ? 'index' : entry.slice(2).replaceAll('/', '-'),
      })),
  )

/**
 * Public signatures of all entry points, as text that a review sees change: `api/ENTRY.api.md` in each package.
 * @param {readonly import('./workspace.mjs').Package[]} packages
 * @param {{ update: boolean }} options `update` writes what changed instead of naming it
 * @returns {Promise<string[]>}
 */
export async function apiProblems(packages, { update }) {
  const { CompilerState, Extractor, ExtractorConfig } = await import('@microsoft/api-extractor')
  const entries = entriesOf(packages)
  const configs = entries.map(({ folder, types, report }) => {
    const made = join(SCRATCH, folder)
    mkdirSync(made, { recursive: true })
    return ExtractorConfig.prepare({
      packageJsonFullPath: join(root, folder, 'package.json'),
      configObjectFullPath: undefined,
      configObject: {
        projectFolder: join(root, folder),
        mainEntryPointFilePath: types,
        compiler: {
          overrideTsconfig: { compilerOptions: COMPILER, include: [join(root, 'packages/*/dist/**/*.d.ts')] },
        },
        apiReport: { enabled: true, reportFileName: report, reportFolder: made, reportTempFolder: join(made, 'temp') },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          compilerMessageReporting: SILENT,
          extractorMessageReporting: SILENT,
          tsdocMessageReporting: SILENT,
        },
      },
    })
  })
  const [first] = configs
  const compilerState = CompilerState.create(first, {
    additionalEntryPoints: entries.slice(1).map(({ types }) => types),
  })
  const problems = []
  configs.forEach((config, i) => {
    const { folder, report } = entries[i]
    const failures = []
    const messageCallback = (message) => {
      message.handled = true
      if (message.logLevel === 'error') failures.push(`${folder}: ${message.text}`)
    }
    Extractor.invoke(config, { localBuild: true, compilerState, messageCallback })
    if (failures.length > 0) return problems.push(...failures)
    const text = readFileSync(join(SCRATCH, folder, `${report}.api.md`), 'utf8')
    const kept = join(root, folder, 'api', `${report}.api.md`)
    if (existsSync(kept) && readFileSync(kept, 'utf8') === text) return
    if (!update)
      return problems.push(
        `${folder}/api/${report}.api.md is not what the package exports; \`npm run check -- --update\` writes it anew`,
      )
    mkdirSync(join(root, folder, 'api'), { recursive: true })
    writeFileSync(kept, text)
  })
  return problems
}
