import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureSetupOrExit } from './ensure.mjs'
import { node24, root } from './paths.mjs'

// `npm run demo [-- --port 8080]`: setup when something changed, builds the demo site and serves it on this machine.
await ensureSetupOrExit()
const vite = join(root, 'apps', 'demo', 'node_modules', 'vite', 'bin', 'vite.js')
for (const args of [
  ['build', '--logLevel', 'warn'],
  ['preview', ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(node24, [vite, ...args], { cwd: join(root, 'apps', 'demo'), stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
