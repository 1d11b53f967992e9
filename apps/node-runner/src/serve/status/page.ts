import { rates } from './rates.js'
import type { Status } from './routes.js'

// The page at `/`, bundled into one file; its elements are in assets/serve/status.html.

const POLL_MS = 1000
const TIMEOUT_MS = 10_000
/** Points of the chart, one a poll. */
const POINTS = 120
const CHART_HEIGHT = 40

function element<Kind extends Element = HTMLElement>(selector: string): Kind {
  const found = document.querySelector<Kind>(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}
const tell = (selector: string, text: string): void => {
  element(selector).textContent = text
}

const whole = new Intl.NumberFormat('en')
const figure = (value: number): string =>
  value >= 100 || value === 0 ? whole.format(Math.round(value)) : value.toFixed(1)

function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`
}

function uptime(seconds: number): string {
  const [days, hours, minutes] = [seconds / 86_400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor)
  if (days) return `${days} d ${hours} h`
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds % 60)} s`
}

const seen = rates(POINTS + 1)

function draw(): void {
  const history = seen.history()
  const most = Math.max(1, ...history)
  const points = history.map(
    (rate, i) => `${POINTS - history.length + i + 1},${(CHART_HEIGHT * (1 - (0.92 * rate) / most)).toFixed(2)}`,
  )
  const line = points.length > 0 ? `M${points.join('L')}` : ''
  element<SVGPathElement>('.line').setAttribute('d', line)
  const left = POINTS - history.length + 1
  const area = line === '' ? '' : `${line}L${POINTS},${CHART_HEIGHT}L${left},${CHART_HEIGHT}Z`
  element<SVGPathElement>('.area').setAttribute('d', area)
  tell('#most', history.some((rate) => rate > 0) ? `most: ${figure(most)}` : '')
}

function state(kind: 'good' | 'warn' | 'bad', text: string): void {
  element('#state').dataset.state = kind
  // A screen reader hears it when it changes, not each second.
  if (element('#state').textContent !== text) tell('#state', text)
}

function cells(texts: readonly string[]): HTMLTableRowElement {
  const row = document.createElement('tr')
  for (const text of texts) row.insertCell().textContent = text
  return row
}

function squares(taken: number, total: number): readonly HTMLElement[] {
  return Array.from({ length: total }, (_, i) => {
    const square = document.createElement('i')
    square.className = i < taken ? 'on' : ''
    return square
  })
}

function show({ status, uptime_seconds, models, tokens, latency }: Status): void {
  state(status === 'ok' ? 'good' : 'warn', status === 'ok' ? 'Ready' : 'Shutting down')
  seen.add({ timeMs: performance.now(), generated: tokens.generated, prompt: tokens.prompt })
  draw()
  const sum = (of: (model: Status['models'][number]) => number): number =>
    models.reduce((total, model) => total + of(model), 0)
  const [taken, total] = [sum((model) => model.slots_taken), sum((model) => model.slots)]
  tell('#generated-rate', figure(seen.now('generated', 5000)))
  tell('#prompt-rate', figure(seen.now('prompt', 30_000)))
  tell('#taken', String(taken))
  tell('#total', `of ${total} taken`)
  element('#slots').replaceChildren(...squares(taken, total))
  tell('#queue', whole.format(sum((model) => model.queue)))
  const hits = tokens.prompt > 0 ? (100 * tokens.cached) / tokens.prompt : undefined
  tell('#hits', hits === undefined ? '–' : `${figure(hits)} %`)
  element('#hits-bar').style.width = `${hits ?? 0}%`
  for (const [id, of] of [
    ['first', latency.first_token_seconds],
    ['answer', latency.answer_seconds],
  ] as const) {
    if (of === null) continue
    tell(`#${id}`, duration(of.median))
    tell(`#${id}-late`, `median of ${latency.answers}; 95 % within ${duration(of.p95)}`)
  }
  element('#models').replaceChildren(
    ...models.map(({ id, context, images, slots, slots_taken, queue }) =>
      cells([id, whole.format(context), images ? 'yes' : 'no', `${slots_taken} of ${slots}`, String(queue)]),
    ),
  )
  tell('#uptime', uptime(uptime_seconds))
  tell('#sum', whole.format(tokens.generated))
}

/** In this tab's memory, and nowhere else. */
let key: string | undefined

/** Asks for the key until one is right. */
async function askKey(wasWrong: boolean): Promise<void> {
  const form = element<HTMLFormElement>('#ask')
  state('warn', 'Needs a key')
  form.hidden = false
  element('#main').hidden = true
  tell('#refused', wasWrong ? 'The server refused that key.' : '')
  const input = element<HTMLInputElement>('#key')
  input.value = ''
  input.focus()
  await new Promise<void>((given) => {
    form.onsubmit = (event) => {
      event.preventDefault()
      key = input.value
      given()
    }
  })
}

async function look(): Promise<void> {
  const response = await fetch('/status', {
    ...(key !== undefined && { headers: { Authorization: `Bearer ${key}` } }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.status === 401) return askKey(key !== undefined)
  if (!response.ok) throw new Error(`status ${response.status}`)
  const status: Status = await response.json()
  element('#ask').hidden = true
  element('#main').hidden = false
  show(status)
}

tell(
  '#try',
  `curl ${location.origin}/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{"messages": [{"role": "user", "content": "Hello"}], "stream": true}'`,
)
for (;;) {
  await look().catch(() => state('bad', 'Cannot be reached'))
  // A hidden tab has nobody to show it to.
  await new Promise((later) => setTimeout(later, document.hidden ? 10 * POLL_MS : POLL_MS))
}
