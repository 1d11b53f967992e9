// Bundles a folder of shaders into one module of texts:  node build.mjs src/wgsl src/generated/wgsl.ts
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const [from, to] = process.argv.slice(2)

/** Comments and indentation are for people. */
const strip = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\/\/.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')

const names = (await readdir(from, { recursive: true })).filter((name) => name.endsWith('.wgsl')).sort()
const texts = await Promise.all(names.map(async (name) => [name, strip(await readFile(join(from, name), 'utf8'))]))
const entries = texts.map(
  ([name, text]) => `  ${JSON.stringify(name.slice(0, -'.wgsl'.length).replaceAll('\\', '/'))}: ${JSON.stringify(text)},\n`,
)
const bytes = texts.reduce((sum, [, text]) => sum + text.length, 0)

await mkdir(dirname(to), { recursive: true })
await writeFile(to, `/** ${bytes} bytes of WGSL templates. */\nexport const WGSL = {\n${entries.join('')}} as const\n`)
console.log(`${to} ${names.length} shaders, ${bytes} bytes`)
