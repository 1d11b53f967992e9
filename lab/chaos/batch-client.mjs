import { pause } from '../serving.mjs'

const OVER = new Set(['completed', 'failed', 'expired', 'cancelled'])
const PATIENCE_MS = 60_000

/** A client that asks again until somebody answers: servers die here. `url`: where the front is now. */
export function batchClient(url) {
  const call = async (path, init) => {
    for (const start = performance.now(); ; await pause(200)) {
      const response = await fetch(`${url()}/v1/${path}`, init?.()).catch(() => undefined)
      if (response?.ok) return response
      const text = await response?.text().catch(() => 'cut off')
      if (response && response.status < 500 && response.status !== 429)
        throw new Error(`${path}: ${response.status} ${text}`)
      if (performance.now() - start > PATIENCE_MS) throw new Error(`${path}: no answer, ${text ?? 'out of reach'}`)
    }
  }
  const json = async (path, init) => {
    for (;;) {
      try {
        return JSON.parse(await (await call(path, init)).text())
      } catch (problem) {
        // It died in the middle of its answer.
        if (!(problem instanceof TypeError || problem instanceof SyntaxError)) throw problem
      }
    }
  }
  const batch = (id) => json(`batches/${id}`)
  return {
    batch,
    /** The id of a batch of so many lines. */
    async ask(lines) {
      const { id } = await json('files', () => {
        const body = new FormData()
        body.set('purpose', 'batch')
        body.set('file', new File([Array.from({ length: lines }, (_, line) => questionOf(line)).join('')], 'in.jsonl'))
        return { method: 'POST', body }
      })
      const body = JSON.stringify({ input_file_id: id, endpoint: '/v1/completions', completion_window: '24h' })
      const headers = { 'Content-Type': 'application/json' }
      return (await json('batches', () => ({ method: 'POST', headers, body }))).id
    },
    /** All that there are, also those whose answer got lost when they were asked for. */
    async batches() {
      const all = []
      for (let after = ''; ; after = `&after=${all.at(-1).id}`) {
        const { data, has_more: more } = await json(`batches?limit=100${after}`)
        all.push(...data)
        if (!more) return all
      }
    },
    async ended(id, limitMs) {
      for (const start = performance.now(); ; await pause(200)) {
        const now = await batch(id)
        if (OVER.has(now.status)) return now
        if (performance.now() - start > limitMs) throw new Error(`it goes on still: ${JSON.stringify(now)}`)
      }
    },
    content: async (file) => (await call(`files/${file}/content`)).text(),
  }
}

const nameOf = (line) => `line-${line}`

function questionOf(line) {
  const body = { prompt: `Word ${line}`, max_tokens: 4 + (line % 29), temperature: line % 2, seed: line }
  return `${JSON.stringify({ custom_id: nameOf(line), method: 'POST', url: '/v1/completions', body })}\n`
}

/** What is wrong with the output of a batch; empty where each line was answered once. */
export async function outputProblems(client, batch, lines) {
  const { id, status, output_file_id: file, error_file_id: errors, request_counts: counts } = batch
  if (status !== 'completed' || !file) return [`${id} is ${status}: ${JSON.stringify(batch)}`]
  const problems = []
  if (errors) problems.push(`${id} has errors: ${await client.content(errors)}`)
  if (counts.total !== lines || counts.completed !== lines || counts.failed !== 0)
    problems.push(`${id} counts ${JSON.stringify(counts)}`)
  const answers = (await client.content(file)).trim().split('\n').map(JSON.parse)
  const names = answers.map((answer) => answer.custom_id)
  const wanted = Array.from({ length: lines }, (_, line) => nameOf(line))
  for (const name of wanted) {
    const times = names.filter((other) => other === name).length
    if (times !== 1) problems.push(`${id} has ${name} ${times} times`)
  }
  for (const name of names) if (!wanted.includes(name)) problems.push(`${id} has ${name}, which nobody asked for`)
  for (const { custom_id: name, response } of answers)
    if (response?.status_code !== 200 || typeof response.body.choices?.[0]?.text !== 'string')
      problems.push(`${id} answers ${name} with ${JSON.stringify(response)}`)
  return problems
}
