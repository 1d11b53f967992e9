import { isG3Error } from '@g3/backend'
import { browserBench, type BrowserReport } from './browser-bench.js'
import { COUNTER_NAMES } from './counters.js'

// The page of `g3 bench --page`, bundled into one file; its elements are in assets/bench.html.

const element = <T extends HTMLElement>(id: string, type: new () => T): T => {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`)
  return found
}
const form = element('form', HTMLFormElement)
const file = element('file', HTMLInputElement)
const run = element('run', HTMLButtonElement)
const copy = element('copy', HTMLButtonElement)
const log = element('log', HTMLElement)
const tables = element('tables', HTMLElement)

/** Name of the model that the command serves, if it was given one. */
const served = new URLSearchParams(location.search).get('model')
if (served !== null) element('served', HTMLElement).textContent = `or leave it: ${served} is served`

const say = (line: string): void => {
  log.textContent = line
}

async function model(): Promise<File> {
  const [chosen] = file.files ?? []
  if (chosen !== undefined) return chosen
  if (served === null) throw new Error('choose a GGUF file first')
  say(`fetching ${served}`)
  const answer = await fetch('/model.gguf')
  if (!answer.ok) throw new Error(`${served} is not served any more: start the command again`)
  return new File([await answer.blob()], served)
}

const numberIn = (id: string): number | undefined => {
  const { valueAsNumber } = element(id, HTMLInputElement)
  return Number.isNaN(valueAsNumber) ? undefined : valueAsNumber
}

async function measure(): Promise<void> {
  const gigabytes = numberIn('bandwidth')
  const report = await browserBench(await model(), {
    prompt: numberIn('prompt') ?? 128,
    generate: numberIn('generate') ?? 32,
    repeat: numberIn('repeat') ?? 5,
    ...(gigabytes !== undefined && { bandwidth: gigabytes * 1e9 }),
    onStep: say,
  })
  say(report.wasHidden ? 'The tab was hidden meanwhile, which slows it: measure again.' : 'done')
  show(report)
  copy.onclick = () => void navigator.clipboard.writeText(JSON.stringify(report, null, 1)).then(() => say('copied'))
  copy.hidden = false
}

function show({ model: name, g3, bandwidth, counters, perOp, browser }: BrowserReport): void {
  const speed = ([least, median, most]: readonly number[]): string => `${median} (${least} to ${most})`
  const share = `${(bandwidth.decodeFraction * 100).toFixed(1)} % of ${(bandwidth.bytesPerSecond / 1e9).toFixed(1)} GB/s`
  tables.replaceChildren(
    table(`${name} on WebGPU`, [
      ['adapter', g3.adapter],
      ['checksum of the tokens', g3.checksum],
      ['prefill, tokens a second', speed(g3.prefill)],
      ['decode, tokens a second', speed(g3.decode)],
      ['bandwidth while decoding', `${share}, ${bandwidth.source === 'copy' ? 'which copies reach' : 'as given'}`],
      ['load', `${(g3.loadMs / 1000).toFixed(2)} s`],
      ['browser', browser],
    ]),
    table(
      'A token on the GPU',
      COUNTER_NAMES.map(([key, label]) => [label, counters[key].toLocaleString('en')]),
    ),
    perOp === undefined
      ? table('Kernels: this adapter has no timestamp-query', [])
      : table(
          'Kernels, µs a token (dispatches)',
          perOp.map((op) => [op.op, `${op.microsecondsPerToken.toFixed(1)} (${op.dispatchesPerToken})`]),
        ),
  )
}

function table(caption: string, rows: readonly (readonly [name: string, value: string])[]): HTMLTableElement {
  const made = document.createElement('table')
  made.createCaption().textContent = caption
  for (const [name, value] of rows) {
    const row = made.insertRow()
    row.insertCell().textContent = name
    row.insertCell().textContent = value
  }
  return made
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  run.disabled = true
  copy.hidden = true
  try {
    await measure()
  } catch (error) {
    say(isG3Error(error) ? `${error.message} (${error.code})` : String(error))
  } finally {
    run.disabled = false
  }
})
run.disabled = false
