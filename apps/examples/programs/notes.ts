import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateObject, loadModel } from '@g3/runtime'
import { autoBackend } from '@g3/runtime/auto'
import { fileSource } from '@g3/runtime/gguf'
import { bestPassages, passagesOf } from './passages.ts'

// node programs/notes.ts MODEL.gguf FOLDER QUESTION: answers from .md and .txt files, as JSON that names the file. The schema
// lets the model name no file that it was not shown; what it says of it can still be wrong.

const [path, folder, question] = process.argv.slice(2)
if (path === undefined || folder === undefined || question === undefined)
  throw new Error('usage: node programs/notes.ts MODEL.gguf FOLDER QUESTION')

const names = (await readdir(folder)).filter((name) => /\.(md|txt)$/.test(name))
const files = await Promise.all(names.map(async (name) => passagesOf(name, await readFile(join(folder, name), 'utf8'))))
const found = bestPassages(files.flat(), question, 3)
if (found.length === 0) throw new Error(`no .md or .txt file of ${folder} has a word of the question`)

const schema = {
  type: 'object',
  properties: {
    file: { enum: [...new Set(found.map(({ file }) => file))] },
    answer: { type: 'string', maxLength: 80 },
  },
  required: ['file', 'answer'],
  additionalProperties: false,
}
await using model = await loadModel({
  source: await fileSource(await open(path)),
  backend: (workload) => autoBackend({ workload }),
})
const shown = found.map(({ file, text }) => `${file}: ${text.slice(0, 400)}`).join('\n')
const prompt = `${shown}\n\nQuestion: ${question}\nAnswer as JSON: `
const { object } = await generateObject(model, prompt, { schema, maxTokens: 200, temperature: 0 })
console.log(JSON.stringify(object))
