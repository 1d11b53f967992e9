import { useEffect, useState } from 'preact/hooks'
import { useServices } from '../../app/services.js'

/** The part of `performance` that counts a page's memory, workers included: in isolated pages of Chromium. */
interface CountsMemory {
  measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }>
}
const counts = (value: object): value is CountsMemory => 'measureUserAgentSpecificMemory' in value

/** Bytes that the page and its workers hold: counted once a model is loaded, and after each answer. */
export function useMemory(): number | 'waiting' | undefined {
  const { engine, talk } = useServices()
  const [bytes, setBytes] = useState<number | 'waiting' | undefined>(() =>
    globalThis.crossOriginIsolated && counts(performance) ? 'waiting' : undefined,
  )
  const isIdle = talk.writing.value === undefined
  const model = engine.model.value
  useEffect(() => {
    const clock: Performance = performance
    if (!isIdle || !globalThis.crossOriginIsolated || !counts(clock)) return
    let gone = false
    clock.measureUserAgentSpecificMemory().then(
      (measured) => !gone && setBytes(measured.bytes),
      () => !gone && setBytes(undefined),
    )
    return () => {
      gone = true
    }
  }, [isIdle, model])
  return bytes
}
