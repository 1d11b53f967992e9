import { useState } from 'preact/hooks'
import { useLabModel } from '../../lab/use-lab.js'
import { Button } from '../../parts/button.js'
import { Card, PageFrame } from '../../parts/card.js'
import { Notice } from '../../parts/notice.js'
import { Progress } from '../../parts/progress.js'
import { AttentionCard } from './attention-card.js'
import { LensCard } from './lens-card.js'
import { NextCard } from './next-card.js'
import { PromptForm } from './prompt-form.js'
import { TokenStrip } from './token-strip.js'
import { useLook } from './use-look.js'
import './inside.css'

/** A token on its way through the layers. */
export function Page() {
  const { title, model } = useLabModel()
  const view = useLook(model)
  const { looked, share, failure, isBusy } = view
  const [layer, setLayer] = useState<number>()
  const last = (looked?.layers.length ?? 1) - 1
  const shown = Math.min(layer ?? last, last)

  return (
    <PageFrame
      title="Inside"
      lead="Watch a token pass the layers: where each looks back to, what each would say next, and what else could have come. Take another word, and the text branches."
    >
      <PromptForm title={title} canSee={model.mmproj !== undefined} isBusy={isBusy} onLook={view.begin} />
      {share !== undefined && <Progress label={`Loading ${title} into this page`} share={share} />}
      {failure !== undefined && <Notice kind="bad">{failure}</Notice>}
      {looked && (
        <>
          <Card
            title="The text"
            aside={
              <div class="row">
                <Button small icon="right" disabled={isBusy} onClick={view.step}>
                  Next token
                </Button>
                <Button small icon={view.isRunning ? 'pause' : 'play'} onClick={view.isRunning ? view.pause : view.run}>
                  {view.isRunning ? 'Pause' : 'Go on'}
                </Button>
              </div>
            }
          >
            <TokenStrip looked={looked} layer={looked.layers[shown]} onChoose={view.lookAt} />
            {view.branches.length > 1 && (
              <div class="row" role="group" aria-label="Branches">
                <span class="soft small">Branches:</span>
                {view.branches.map((branch, index) => (
                  <Button
                    key={branch.chosen.join(' ')}
                    small
                    aria-pressed={index === 0}
                    onClick={() => view.open(branch)}
                  >
                    {branch.text.trim() || '…'}
                  </Button>
                ))}
              </div>
            )}
          </Card>
          <div class="columns">
            <NextCard looked={looked} isBusy={isBusy} onTake={view.take} />
            <AttentionCard looked={looked} layer={shown} onLayer={setLayer} />
          </div>
          <LensCard looked={looked} layer={shown} onLayer={setLayer} />
        </>
      )}
    </PageFrame>
  )
}
