import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gpuEnvironment } from '../gpu/environment.mjs'
import { ensureSetupOrExit } from './ensure.mjs'
import { node24, root, stateFolder } from './paths.mjs'

// `npm test [-- filters]`: setup when something changed, every suite, and as the last line `N passed, N failed[, N
// skipped]`.
await ensureSetupOrExit()

const report = join(stateFolder, 'tests.json')
mkdirSync(stateFolder, { recursive: true })
rmSync(report, { force: true })
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const { status } = spawnSync(node24, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, ...gpuEnvironment() },
})

/** @returns {{ passed: number, failed: number, skipped: string[] }} */
function readCounts() {
  /**
   * @type {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[]
   * }}
   */
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    // The runner died before it could report: that is a failure, not zero of them.
    return { passed: 0, failed: 1, skipped: [] }
  }
  const counts = { passed: 0, failed: 0, skipped: [] }
  for (const file of results.testResults) {
    const failedBefore = counts.failed
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++
      else if (test.status === 'failed') counts.failed++
      else counts.skipped.push(`${relative(root, file.name)}: ${test.fullName}`)
    }
    // A file that could not be loaded has failed without having a test.
    if (file.status === 'failed' && counts.failed === failedBefore) counts.failed++
  }
  return counts
}

const { passed, failed, skipped } = readCounts()
for (const name of skipped) console.log(`skipped: ${name}`)
if (status !== 0 && failed === 0)
  console.log(`The runner ended with code ${status} although no test failed: see the errors above.`)
if (passed + failed === 0) console.log('No test ran.')
process.exitCode = status === 0 && failed === 0 && passed > 0 ? 0 : 1
console.log(`${passed} passed, ${failed} failed${skipped.length ? `, ${skipped.length} skipped` : ''}`)
