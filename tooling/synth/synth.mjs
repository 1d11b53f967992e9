import { ensureSetupOrExit } from '../setup/ensure.mjs'

// `node tooling/synth --size 4b --type q4_0 --out FILE`: a GGUF of a Gemma 3's true dimensions with random weights.
await ensureSetupOrExit()
const { run } = await import('./command.mjs')
process.exitCode = await run(process.argv.slice(2))
