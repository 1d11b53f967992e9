import { check, type LogitEdits } from '@g3/backend'
import { topK } from '../sampling/top-k.js'
import type { BatchParts } from './batch.js'
import { checkFits, checkHasLast, checkHeld, checkIdle, checkOwner, type Lane } from './lane.js'
import { checkPicked, checkRankable, finishRanking, logSumExp } from './logits.js'
import type { TextSequence } from './text-sequence.js'

/** The part of a sequence that asks for its next token. */
type NextToken = Pick<TextSequence, 'pick' | 'draw' | 'takesEdits' | 'runsAhead' | 'follow' | 'logSum'>

/** @param sequence the owner of the lane, once it is made */
export function nextToken(
  { backend, config, passes }: BatchParts,
  lane: Lane,
  sequence: () => TextSequence,
): NextToken {
  const { outputs } = lane
  const { runsAhead } = backend.caps
  const these = [lane]
  let latest: Promise<number> = Promise.resolve(-1)

  const checkReady = (): void => {
    checkIdle(lane, sequence())
    checkHasLast(lane)
  }

  /** Enqueues a head and asks for its id; `follow` may go on with it before it comes. */
  const ask = (head: 'picked' | 'drawn' | 'edited', draw?: Int32Array, edits?: LogitEdits): Promise<number> => {
    passes.head(these, head, draw, edits)
    const form = head === 'picked' ? 'picked' : 'drawn'
    lane.asked = { form, pass: lane.lastPass }
    lane.coming++
    latest = backend
      .read(outputs[form].buffer, 1)
      .then(([id]) => checkPicked(id))
      .finally(() => lane.coming--)
    return latest
  }

  return {
    async pick() {
      checkReady()
      return ask('picked')
    },
    async draw(draw, edits) {
      checkReady()
      checkRankable(config)
      if (edits === undefined) return ask('drawn', draw)
      check(outputs.edited !== undefined, 'model/bad-option', 'edit the logits that `logits` gives: they are near')
      return ask('edited', draw, edits)
    },
    takesEdits: outputs.edited !== undefined,
    runsAhead,
    async follow(draw) {
      checkOwner(lane, sequence())
      checkHeld(lane)
      check(runsAhead, 'model/bad-option', 'this backend does not run ahead: use `step`')
      check(!lane.busy && lane.coming < 2, 'model/busy', 'two tokens are on their way; wait for one of them')
      const { asked } = lane
      check(
        asked !== undefined && asked.pass === lane.lastPass && lane.lastRow >= 0,
        'model/no-logits',
        'there is no token to follow: ask for one first, also after a rewind',
      )
      checkFits(lane, 1)
      const index = lane.tokens.length
      passes.follow(lane, asked.form)
      void latest.then((id) => {
        if (lane.owner === sequence() && index < lane.tokens.length) lane.tokens.put(index, id)
      }, ignore)
      return draw ? ask('drawn', draw) : ask('picked')
    },
    async logSum(into) {
      if (outputs.summed === undefined) {
        const logits = await sequence().logits()
        topK(logits, into.ids.length, into)
        return logSumExp(logits)
      }
      checkReady()
      passes.head(these, 'summed')
      lane.busy = true
      try {
        const [rows, [sum]] = await Promise.all([
          backend.read(outputs.ranked.buffer, 1),
          backend.read(outputs.summed().buffer, 1),
        ])
        finishRanking(rows, into)
        return sum
      } finally {
        lane.busy = false
      }
    },
  }
}

const ignore = (): void => {}
