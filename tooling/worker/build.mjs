// Bundles a worker's program into one text:  node build.mjs src/worker.ts src/generated
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build } from 'tsup'

const [entry, out] = process.argv.slice(2)
const name = basename(entry, '.ts')
const scratch = join(out, 'worker')

await mkdir(out, { recursive: true })
await build({
  entry: { [name]: entry },
  outDir: scratch,
  format: 'iife',
  target: 'es2023',
  platform: 'neutral',
  config: false,
  silent: true,
  minify: true,
  outExtension: () => ({ js: '.js' }),
})
const text = await readFile(join(scratch, `${name}.js`), 'utf8')
await rm(scratch, { recursive: true })
await writeFile(
  join(out, `${name}.ts`),
  `/** ${text.length} bytes of JavaScript. */\nexport const ${name} =\n  ${JSON.stringify(text.trim())}\n`,
)
console.log(`${join(out, name)}.ts ${text.length} bytes`)
