// How much of the prompts two replicas behind nginx find in memory, beside one replica alone: conversations of many clients.
//   node lab/replicas.mjs [--conversations 16] [--turns 5] [--least 0.9]
// Starts the servers (of the tiny model) and nginx on the loopback, with apps/node-runner/deploy/nginx/g3.conf but for the ports. Kills
// a replica at the end, too: its conversations go on at the other. Ends with 1 where the hits are fewer than `--least` of one's.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../apps/node-runner/src/serve/batch/testing/valkey-server.ts'
import { eventsOf, metricsAt, pause, post, startServe, TINY } from './serving.mjs'

const { values } = parseArgs({
  options: {
    conversations: { type: 'string', default: '16' },
    turns: { type: 'string', default: '5' },
    least: { type: 'string', default: '0.9' },
  },
})
const [conversations, turns, least] = [values.conversations, values.turns, values.least].map(Number)
const CONFIG = new URL('../apps/node-runner/deploy/nginx/g3.conf', import.meta.url)
const START_MS = 10_000

/** nginx as it is deployed, before servers at these ports. */
async function startNginx(ports) {
  const folder = await mkdtemp(join(tmpdir(), 'g3-nginx-'))
  const port = await freePort()
  let text = await readFile(CONFIG, 'utf8')
  for (const [from, to] of [
    [8080, port],
    [8081, ports[0]],
    [8082, ports[1]],
  ])
    text = text.replace(`127.0.0.1:${from}`, `127.0.0.1:${to}`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`)
  const file = join(folder, 'nginx.conf')
  const rest = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;\nevents {}\n`
  await writeFile(file, `${rest}http { access_log off; ${temporary.join(' ')}\n${text}}\n`)
  const check = spawnSync('nginx', ['-t', '-c', file, '-e', `${folder}/error.log`], { encoding: 'utf8' })
  if (check.status !== 0) throw new Error(`nginx refuses it: ${check.stderr ?? check.error}`)
  const child = spawn('nginx', ['-c', file, '-e', `${folder}/error.log`], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (const start = performance.now(); !(await fetch(`${url}/ready`).catch(() => undefined))?.ok; await pause(50))
    if (performance.now() - start > START_MS) throw new Error('nginx does not answer')
  return {
    url,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Asks for the next turn of a conversation; gives the messages with the answer. */
async function turn(url, name, messages) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Session-Id': name },
    body: JSON.stringify({ messages, max_completion_tokens: 8, seed: 1, temperature: 0 }),
  })
  const answer = await response.json()
  if (response.status !== 200) throw new Error(`${response.status}: ${JSON.stringify(answer)}`)
  return [...messages, { role: 'assistant', content: answer.choices[0].message.content }]
}

/** All conversations at once, each turn of all before the next. */
async function talk(url) {
  let all = Array.from({ length: conversations }, () => [])
  for (let number = 0; number < turns; number++)
    all = await Promise.all(
      all.map((messages, i) => {
        const content = `This is turn ${number} of conversation ${i}, in which a good deal is said. `.repeat(2)
        return turn(url, `conversation-${i}`, [...messages, { role: 'user', content }])
      }),
    )
  return all
}

/** The share of the prompts' tokens that these servers held already, and each one's number of prompts' tokens. */
async function hits(servers) {
  const counts = await Promise.all(servers.map(({ url }) => metricsAt(url)))
  const of = (kind) => counts.map((metrics) => metrics.get(`g3_tokens_total{kind="${kind}"}`) ?? 0)
  const sum = (list) => list.reduce((all, one) => all + one, 0)
  return { share: sum(of('cached')) / sum(of('prompt')), tokens: of('prompt') }
}

/** Milliseconds between the first and the last event: 0 where they come in one piece. */
async function spread(url) {
  // So hot that it goes on for long.
  const body = { prompt: 'Once', max_tokens: 400, stream: true, temperature: 2, top_k: 0, top_p: 1, seed: 3 }
  const response = await post(`${url}/v1/completions`, body)
  const times = []
  for await (const _ of eventsOf(response)) times.push(performance.now())
  return times.at(-1) - times[0]
}

const flags = [...TINY, '--slots', '16', '--context', '1024']
const servers = []
let proxy
try {
  for (let i = 0; i < 3; i++) servers.push(await startServe(flags))
  const [alone, ...two] = servers
  const single = await talk(alone.url)
  proxy = await startNginx(two.map(({ port }) => port))
  const behind = await talk(proxy.url)
  const [one, both] = [await hits([alone]), await hits(two)]
  const problems = []
  if (JSON.stringify(single) !== JSON.stringify(behind)) problems.push('the answers differ')
  if (Math.min(...both.tokens) === 0) problems.push('one replica got nothing')
  if (!(both.share >= least * one.share)) problems.push('too few hits')
  const gap = await spread(proxy.url)
  if (gap < 5) problems.push('a stream came in one piece')
  await two[0].kill()
  const after = await talk(proxy.url)
  if (JSON.stringify(single) !== JSON.stringify(after)) problems.push('with a replica less the answers differ')
  const percent = (share) => `${(100 * share).toFixed(1)} %`
  console.log(
    `held already: ${percent(one.share)} of one replica's prompts, ${percent(both.share)} of two's (${both.tokens.join(' and ')} tokens): ${(both.share / one.share).toFixed(3)} of it`,
  )
  console.log(`a stream's events came within ${gap.toFixed(0)} ms; with a replica killed, all were answered`)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  await proxy?.stop()
  for (const server of servers) await server.kill()
}
