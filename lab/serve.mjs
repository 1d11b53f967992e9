// How many tokens a second many clients get of `g3 serve` together, beside one alone, by turns.
//   g3 serve --model MODEL.gguf --slots 16 --context 2048 --log silent --port 8080 &
//   node lab/serve.mjs [--url http://127.0.0.1:8080] [--clients 16] [--tokens 64] [--rounds 3]
// Tells the slowest client's speed beside the median's, too. Sends traffic to the address that it is given only.
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    clients: { type: 'string', default: '16' },
    tokens: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
  },
})
const [clients, tokens, rounds] = [values.clients, values.tokens, values.rounds].map(Number)

/** Tokens that one answer has. */
async function complete(number) {
  const body = { prompt: `Story number ${number}: once upon a time`, max_tokens: tokens, seed: number }
  const response = await fetch(`${values.url}/v1/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (response.status !== 200) throw new Error(JSON.stringify(answer))
  return answer.usage.completion_tokens
}

/** Tokens a second of each client, and of all. */
async function contest(count, answers) {
  const start = performance.now()
  const rate = (got, since) => (1000 * got) / (performance.now() - since)
  let total = 0
  const speeds = await Promise.all(
    Array.from({ length: count }, async (_, client) => {
      let got = 0
      for (let answer = 0; answer < answers; answer++) got += await complete(100 * client + answer)
      total += got
      return rate(got, start)
    }),
  )
  return { all: rate(total, start), speeds: speeds.toSorted((a, b) => a - b) }
}

await contest(1, 1)
const ratios = []
for (let round = 0; round < rounds; round++) {
  const one = await contest(1, 4)
  const many = await contest(clients, 2)
  const fairness = many.speeds[0] / many.speeds[clients >> 1]
  ratios.push(many.all / one.all)
  console.log(
    `one ${one.all.toFixed(1)} tok/s, ${clients} together ${many.all.toFixed(1)}: ${ratios.at(-1).toFixed(2)} times; slowest ${fairness.toFixed(2)} of the median`,
  )
}
console.log(`median ${ratios.toSorted((a, b) => a - b)[rounds >> 1].toFixed(2)} times`)
