import { fieldsOf, type Connection } from './connection.ts'

type Send = (method: string) => Promise<unknown>
type Fields = Readonly<Record<string, unknown>>

/**
 * The tasks of a tab's main thread while some work goes on, in ms of CPU each, out of Chromium's trace.
 * @throws Error where the trace has none: it was recorded in another way than is read here
 */
export async function mainThreadTasks(
  line: Connection,
  session: string,
  send: Send,
  work: () => Promise<void>,
): Promise<readonly number[]> {
  const events: Fields[] = []
  const { promise: complete, resolve } = Promise.withResolvers<void>()
  const forget = line.listen(({ method, params, sessionId }) => {
    if (sessionId !== session) return
    if (method === 'Tracing.dataCollected' && Array.isArray(params.value)) events.push(...params.value.map(fieldsOf))
    if (method === 'Tracing.tracingComplete') resolve()
  })
  try {
    const traceConfig = {
      includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline'],
    }
    await line.send('Tracing.start', { traceConfig, transferMode: 'ReportEvents' }, session)
    await work()
    await send('Tracing.end')
    await complete
  } finally {
    forget()
  }
  const mains = events.filter(({ name, args }) => name === 'thread_name' && fieldsOf(args).name === 'CrRendererMain')
  const isMain = ({ pid, tid }: Fields): boolean => mains.some((main) => main.pid === pid && main.tid === tid)
  const durations = events.flatMap((event) => {
    const isTask = event.ph === 'X' && String(event.name).endsWith('RunTask') && isMain(event)
    return isTask && typeof event.tdur === 'number' ? [event.tdur / 1000] : []
  })
  if (durations.length === 0) throw new Error(`the trace of ${events.length} events has no task of a page's thread`)
  return durations
}
