import type { StepReport } from '@g3/distill'
import { note } from '../output.js'
import { curve, duration } from './curve.js'

const WIDTH = 32
/** Without a terminal: a line not more often than this. */
const LINE_MS = 5_000

/** Shows how a run goes: a line with its curve on a terminal, else a line now and then. */
export function watchRun(): { step(report: StepReport): void } & Disposable {
  const losses: number[] = []
  let spent = 0
  let told = -Infinity
  const isTerminal = process.stderr.isTTY
  return {
    step({ step, steps, loss, validation, milliseconds }) {
      losses.push(loss)
      spent += milliseconds
      const left = duration(((spent / losses.length) * (steps - step)) / 1000)
      const judged = validation === undefined ? '' : `, validation ${validation.toFixed(4)}`
      const line = `step ${step}/${steps}: loss ${loss.toFixed(4)}${judged}, ${left} left`
      if (isTerminal) process.stderr.write(`\r\x1b[K${line} ${curve(losses, WIDTH)}`)
      else if (validation !== undefined || step === steps || performance.now() - told > LINE_MS) {
        told = performance.now()
        note(line)
      }
    },
    [Symbol.dispose]() {
      if (isTerminal && losses.length > 0) process.stderr.write('\n')
    },
  }
}
