import { ensureSetupOrExit } from './ensure.mjs'

// `npm run setup`: install and build what changed.
const worked = await ensureSetupOrExit()
if (worked) process.stderr.write('setup: done\n')
