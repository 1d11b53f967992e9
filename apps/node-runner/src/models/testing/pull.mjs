// A process that pulls one model: `node pull.mjs ADDRESS`, with the cache's place in G3_CACHE. It prints the path, or the error's
// code. The sources are TypeScript that says `.js` in its imports; node runs them once it is told where they are.
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    const isSource = specifier.startsWith('.') && context.parentURL?.endsWith('.ts')
    return next(isSource ? specifier.replace(/\.js$/, '.ts') : specifier, context)
  },
})

const { resolveModel } = await import('../resolve.ts')
try {
  const { path } = await resolveModel(process.argv[2], { log: (line) => process.stderr.write(`${line}\n`) })
  process.stdout.write(path)
} catch (error) {
  process.stdout.write(error?.code ?? String(error))
  process.exitCode = 1
}
