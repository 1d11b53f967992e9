import { useEffect, useRef, useState } from 'preact/hooks'
import { failureOf } from '../../app/failure.js'
import type { LabModel } from '../../lab/calls.js'
import { useLab } from '../../lab/use-lab.js'
import { chosenUpTo, withBranch, type Branch } from './branches.js'
import type { Looked, Prompt } from './look.js'

/** The text that is looked at, and ways on. */
export interface LookView {
  readonly looked: Looked | undefined
  readonly branches: readonly Branch[]
  readonly isBusy: boolean
  readonly isRunning: boolean
  /** Of the weights, while they are loaded. */
  readonly share: number | undefined
  readonly failure: string | undefined
  begin(prompt: Prompt): void
  lookAt(position: number): void
  /** Takes a token after the one that is looked at. */
  take(id: number): void
  /** Takes the likeliest. */
  step(): void
  run(): void
  pause(): void
  open(branch: Branch): void
}

export function useLook(model: LabModel): LookView {
  const lab = useLab()
  const [looked, setLooked] = useState<Looked>()
  const [branches, setBranches] = useState<readonly Branch[]>([])
  const [isBusy, setBusy] = useState(false)
  const [isRunning, setRunning] = useState(false)
  const [share, setShare] = useState<number>()
  const [failure, setFailure] = useState<string>()
  const prompt = useRef<Prompt>(undefined)
  const chosen = useRef<readonly number[]>([])
  const latest = useRef(0)

  const look = async (next: readonly number[], at?: number): Promise<void> => {
    const asked = prompt.current
    if (asked === undefined) return
    const turn = ++latest.current
    setBusy(true)
    setFailure(undefined)
    try {
      const args = { model, prompt: asked, chosen: next, ...(at !== undefined && { at }) }
      const found = await lab.call('look', args, { onItem: ({ share: now }) => setShare(now < 1 ? now : undefined) })
      if (turn !== latest.current) return
      chosen.current = next
      setLooked(found)
      const text = found.tokens
        .slice(found.promptTokens)
        .map((token) => token.text)
        .join('')
      setBranches((before) => withBranch(before, { chosen: next, text }))
    } catch (error) {
      if (turn !== latest.current) return
      setRunning(false)
      setFailure(failureOf(error).message)
    } finally {
      if (turn === latest.current) {
        setBusy(false)
        setShare(undefined)
      }
    }
  }

  const best = looked?.layers.at(-1)?.candidates[0]?.id
  const isAtEnd = best === undefined || (looked?.ends.includes(best) ?? true)
  const take = (id: number): void => {
    if (looked) void look([...chosenUpTo(chosen.current, looked.promptTokens, looked.at), id])
  }
  const step = (): void => {
    if (best !== undefined && !isAtEnd) take(best)
  }

  useEffect(() => {
    if (!isRunning || isBusy || looked === undefined) return
    if (isAtEnd) return setRunning(false)
    // Slow enough to be watched.
    const timer = setTimeout(step, 350)
    return () => clearTimeout(timer)
  }, [isRunning, isBusy, looked])

  // Another model reads the same prompt anew.
  useEffect(() => {
    setRunning(false)
    setBranches([])
    if (prompt.current) void look([])
  }, [model.id])

  return {
    looked,
    branches,
    isBusy,
    isRunning,
    share,
    failure,
    begin(next) {
      prompt.current = next
      setRunning(false)
      setBranches([])
      void look([])
    },
    lookAt: (position) => void look(chosen.current, position),
    take,
    step,
    run: () => setRunning(true),
    pause: () => setRunning(false),
    open: (branch) => void look(branch.chosen),
  }
}
