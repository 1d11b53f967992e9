import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs a TypeScript file in this version of Node and gives its stdout; fails with its stderr. */
export async function program(path: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', path, ...args], { cwd })
  return stdout
}
