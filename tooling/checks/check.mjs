import { ensureSetupOrExit } from '../setup/ensure.mjs'
import { apiProblems } from './api.mjs'
import { closureProblems } from './closure.mjs'
import { publishingProblems } from './publishing.mjs'
import { sizeProblems } from './sizes.mjs'
import { ensureInstalled, here, runTool } from './tools.mjs'
import { publishedPackages } from './workspace.mjs'

// `npm run check [-- --update]`: what a user of the published packages would trip over. `--update` writes API reports anew.
await ensureSetupOrExit()
ensureInstalled(here)
const packages = publishedPackages()
const update = process.argv.includes('--update')

/** @type {Record<string, () => string[] | Promise<string[]>>} */
const CHECKS = {
  'what packages say of each other (sherif)': () => runTool('sherif', ['--no-install']),
  'unused files, exports and dependencies (knip)': () =>
    runTool('knip', ['--config', 'tooling/checks/knip.json', '--no-progress']),
  'no any, no !, no eval (oxlint)': () =>
    runTool('oxlint', [
      '--config',
      'tooling/checks/oxlint.json',
      'packages',
      'apps',
      'tooling',
      '--ignore-pattern',
      '**/{assembly,dist}/**',
    ]),
  'licences and install scripts of what is installed': () => closureProblems(packages),
  'tarballs (publint, are the types wrong)': () => publishingProblems(packages),
  'API reports': () => apiProblems(packages, { update }),
  'sizes, min + gzip': () => sizeProblems(),
}

for (const [title, check] of Object.entries(CHECKS)) {
  const problems = await check()
  console.log(`${problems.length === 0 ? 'fine' : 'FAIL'}  ${title}`)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
