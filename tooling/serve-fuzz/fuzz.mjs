// Sends `g3 serve` what its own /openapi.json allows and forbids, with schemathesis, and fails on a 5xx or on an answer that
// the document does not describe.
//
//   pip install schemathesis
//   node tooling/serve-fuzz/fuzz.mjs [--examples 50] [--schemathesis PATH]
//
// It starts the built command on the smallest model there is, and stops it again.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const fixture = (name) => `${root}packages/runtime/fixtures/tiny-random/${name}`
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'negative_data_rejection',
]

const { values } = parseArgs({
  options: { examples: { type: 'string', default: '50' }, schemathesis: { type: 'string', default: 'schemathesis' } },
})

const data = mkdtempSync(join(tmpdir(), 'g3-fuzz-'))
const model = [
  '--model',
  fixture('tiny-text-f16.gguf'),
  '--mmproj',
  fixture('tiny-mmproj-f16.gguf'),
  '--backend',
  'cpu',
]
const flags = ['--port', '0', '--log', 'error', '--threads', '1', '--context', '512', '--timeout', '60', '--data', data]
const command = join(root, 'apps/node-runner/dist/cli.js')
const server = spawn(process.execPath, [command, 'serve', ...model, ...flags], { stdio: ['ignore', 'inherit', 'pipe'] })

const ended = (child) =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

async function address() {
  for await (const line of createInterface({ input: server.stderr })) {
    console.error(line)
    const [url] = /http:\/\/\S+:\d+/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error('the server did not start')
}

try {
  const url = await address()
  // What follows is the log of failures, which is what one looks for here.
  server.stderr.resume().pipe(process.stderr)
  const checks = [
    '--checks',
    CHECKS.join(','),
    '--max-examples',
    values.examples,
    '--continue-on-failure',
    '--request-timeout',
    '60',
  ]
  const run = ['run', `${url}/openapi.json`, ...checks]
  // It writes what it found below where it runs.
  const fuzz = spawn(values.schemathesis, run, { stdio: 'inherit', cwd: data })
  process.exitCode = await ended(fuzz)
} finally {
  server.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
}
