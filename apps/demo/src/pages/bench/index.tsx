import { useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import { useLab, useLabModel } from '../../lab/use-lab.js'
import { Button } from '../../parts/button.js'
import { Card, PageFrame } from '../../parts/card.js'
import { Slider } from '../../parts/field.js'
import { Notice } from '../../parts/notice.js'
import { Progress } from '../../parts/progress.js'
import { Results } from './results.js'
import type { BenchReport } from './rounds.js'
import './bench.css'

/** How fast this device is, and how near to what it could be. */
export function Page() {
  const { title, model } = useLabModel()
  const lab = useLab()
  const [prompt, setPrompt] = useState(128)
  const [generate, setGenerate] = useState(32)
  const [rounds, setRounds] = useState(5)
  const [state, setState] = useState<{ readonly line: string; readonly share: number }>()
  const [report, setReport] = useState<BenchReport>()
  const [failure, setFailure] = useState<string>()
  const [running, setRunning] = useState<AbortController>()

  const measure = async (): Promise<void> => {
    const abort = new AbortController()
    setRunning(abort)
    setFailure(undefined)
    setReport(undefined)
    let wasHidden = document.hidden
    const hide = (): void => {
      wasHidden ||= document.hidden
    }
    document.addEventListener('visibilitychange', hide)
    try {
      const args = { model, title, prompt, generate, rounds }
      setReport(await lab.call('rounds', args, { signal: abort.signal, onItem: setState }))
      if (wasHidden)
        setFailure('This tab was hidden meanwhile, which slows it: measure once more with the tab in sight.')
    } catch (error) {
      if (!abort.signal.aborted) setFailure(failureOf(error).message)
    } finally {
      document.removeEventListener('visibilitychange', hide)
      setRunning(undefined)
      setState(undefined)
    }
  }

  return (
    <PageFrame
      title="Bench"
      lead="Measures a model on this device, and what the device could do at most. Nothing is sent anywhere; keep the tab in sight, since hidden tabs are slowed."
    >
      <Card title={`Measure ${title}`}>
        <div class="columns">
          <Slider label="Tokens of prompt" min={16} max={512} step={16} value={prompt} onInput={setPrompt} />
          <Slider label="Tokens after it" min={8} max={128} step={8} value={generate} onInput={setGenerate} />
          <Slider label="Rounds" min={1} max={15} value={rounds} onInput={setRounds} />
        </div>
        <div class="row">
          {running ? (
            <Button kind="main" icon="stop" onClick={() => running.abort()}>
              Stop
            </Button>
          ) : (
            <Button kind="main" icon="play" onClick={() => void measure()}>
              Measure
            </Button>
          )}
        </div>
        {state && <Progress label={state.line} share={state.share} />}
        {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
      </Card>
      {report && <Results report={report} />}
    </PageFrame>
  )
}
