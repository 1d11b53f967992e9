import type { SingleBar } from 'cli-progress'
import { note } from './output.js'

/** Shows how far something is: a bar on a terminal, else a line now and then. */
export interface Progress extends Disposable {
  update(done: number, total: number): void
}

/** What is done sooner than this needs no bar. */
const PATIENCE_MS = 700
/** Without a terminal: a line for each tenth, but not more often than this. */
const LINE_MS = 3_000

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

/** @param what e.g. `downloading`; amounts are bytes */
export function byteProgress(what: string): Progress {
  return process.stderr.isTTY ? bar(what) : lines(what)
}

function bar(what: string): Progress {
  const start = performance.now()
  let single: SingleBar | undefined
  let opening = false
  let ended = false
  let latest = { done: 0, total: 0 }

  const open = async (): Promise<void> => {
    opening = true
    const { Presets, SingleBar } = await import('cli-progress')
    // The work may have ended while the library was read.
    if (ended) return
    single = new SingleBar(
      {
        stream: process.stderr,
        format: `${what} {bar} {percentage}% of {size} {speed} MB/s, {eta_formatted} left`,
        hideCursor: true,
        clearOnComplete: true,
        etaBuffer: 50,
      },
      Presets.shades_classic,
    )
    single.start(latest.total, latest.done, payload())
  }
  const payload = (): object => ({
    size: megabytes(latest.total),
    speed: (latest.done / 1e3 / (performance.now() - start)).toFixed(1),
  })

  return {
    update(done, total) {
      latest = { done, total }
      if (single) {
        single.setTotal(total)
        single.update(done, payload())
      } else if (!opening && performance.now() - start > PATIENCE_MS) void open()
    },
    [Symbol.dispose]() {
      ended = true
      single?.stop()
    },
  }
}

/** Counts items, on a terminal in place. */
export function itemProgress(what: string): Progress {
  const { stderr } = process
  if (!stderr.isTTY) return lines(what, String)
  return {
    update: (done, total) => void stderr.write(`\r\x1b[K${what} ${done}/${total}`),
    [Symbol.dispose]: () => void stderr.write('\r\x1b[K'),
  }
}

function lines(what: string, amount = megabytes): Progress {
  let tenth = 0
  let last = performance.now()
  return {
    update(done, total) {
      const now = Math.floor((done / total) * 10)
      if (now <= tenth || performance.now() - last < LINE_MS) return
      tenth = now
      last = performance.now()
      note(`${what}: ${now * 10} % of ${amount(total)}`)
    },
    [Symbol.dispose]() {},
  }
}

/** Shows how far the reading of pictures is, on a terminal; elsewhere nothing. */
export interface PictureProgress extends Disposable {
  /** As `onEncode` of a generation. */
  encoded(layer: number, layers: number): void
  /** As `onPrefill`: once the prompt is read, the line is empty. */
  read(done: number, total: number): void
}

/** @param pictures that are read, crops among them; where the model knows some already, they are passed over */
export function pictureProgress(
  pictures: number,
  out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): PictureProgress {
  let shown = out.isTTY === true && pictures > 0
  let encoded = 0
  const show = (text: string): void => void (shown && out.write(`\r\x1b[K${text}`))
  const end = (): void => {
    show('')
    shown = false
  }
  show(`reading picture 1/${pictures} …`)
  return {
    encoded(layer, layers) {
      const at = Math.min(encoded + 1, pictures)
      if (layer === layers) encoded++
      show(`reading picture ${at}/${pictures} … layer ${layer}/${layers}`)
    },
    read(done, total) {
      if (done === total) end()
    },
    [Symbol.dispose]: end,
  }
}
