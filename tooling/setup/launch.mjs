import { spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { ensureSetupOrExit } from './ensure.mjs'
import { cli, node24 } from './paths.mjs'

// `npm start`, `npm run g3`, `npm run bench`: setup when something changed, then the `g3` command under Node 24.
await ensureSetupOrExit()
const args = process.argv.slice(2)

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // npm puts node_modules/.bin first on the path, so from the second time on this is Node 24 already: no second
  // process.
  process.argv = [process.execPath, cli, ...args]
  await import(pathToFileURL(cli).href)
} else {
  const child = spawn(node24, [cli, ...args], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both; what it means is for the child to say (in a chat it stops the answer).
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`g3: Node 24 could not be started (${error.message}); run \`npm run setup\`\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
