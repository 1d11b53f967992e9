// Inlines WASM of a package's dependencies, gzipped, so that no page and no bundler has to find it:
//   node build.mjs src/generated NAME=package/path/to.wasm …
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'

const [out, ...entries] = process.argv.slice(2)
const { resolve: find } = createRequire(resolve('package.json'))

await mkdir(out, { recursive: true })
for (const entry of entries) {
  const [name, path] = entry.split('=')
  const wasm = await readFile(find(path))
  const text = gzipSync(wasm, { level: 9 }).toString('base64')
  await writeFile(
    join(out, `${name}.ts`),
    `/** ${wasm.length} bytes of WASM: gzip, base64. */\nexport const ${name}: string =\n  '${text}'\n`,
  )
  console.log(`${join(out, name)}.ts ${text.length} bytes`)
}
