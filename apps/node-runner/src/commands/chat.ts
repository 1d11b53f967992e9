import { join } from 'node:path'
import { isG3Error } from '@g3/backend'
import type { Chat, GenerateOptions, Generation } from '@g3/runtime'
import { EXIT } from '../failure.js'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import { cacheFolder } from '../models/cache.js'
import { note, print, printText } from '../output.js'
import { completeCommand, runCommand, type Effect } from '../repl/commands.js'
import { picturesOf, viewsOf, type PicturePart } from '../pictures.js'
import { pictureProgress } from '../progress.js'
import { openHistory } from '../repl/history.js'
import { entries } from '../repl/input.js'
import { openTerminal } from '../repl/terminal.js'
import { loadChat, saveChat } from '../session.js'
import { speculationOf } from '../speculation.js'
import { generateOptions, type RunOptions } from './run.js'

export interface ChatCommandOptions extends RunOptions {
  readonly system?: string
}

/** A second Ctrl-C at the prompt within this time leaves. */
const TWICE_MS = 2_000
const PROMPT = '>>> '
const MORE_PROMPT = '... '

/** `g3 chat`: reads a line, answers it, and so on; the same from a pipe, without prompts. */
export async function chat(options: ChatCommandOptions): Promise<void> {
  const loading = onInterrupt()
  await using loaded = await loadForCommand(options, loading.signal)
  await using speculation = await speculationOf(options.speculate, options, loading.signal)
  loading[Symbol.dispose]()
  const { model, name, instructionTuned } = loaded
  if (!instructionTuned)
    note(`${name} is a base model: it continues text and was not tuned to answer, so expect odd replies.`)
  let session = model.chat(options.system === undefined ? {} : { system: options.system })
  /** The conversations that copies were made of. */
  const origins: Chat[] = []

  const history = await openHistory(join(cacheFolder(), 'chat-history'), (reason) =>
    note(`The history is not kept: ${reason}`),
  )
  using terminal = openTerminal(history, completeCommand)
  if (process.stdin.isTTY) note(`${name} on ${loaded.backend.caps.description}. /help tells what else there is.`)

  const typed = entries()
  let answering: AbortController | undefined
  let leaveBefore = 0
  let interrupted = false
  terminal.onInterrupt(() => {
    if (answering) return answering.abort()
    const isIdle = terminal.line === '' && !typed.open
    if (isIdle && (!process.stdin.isTTY || performance.now() < leaveBefore)) {
      interrupted = true
      terminal[Symbol.dispose]()
      return
    }
    terminal.clearLine()
    typed.clear()
    if (isIdle) {
      note('\nPress Ctrl-C again to leave.')
      leaveBefore = performance.now() + TWICE_MS
    } else note('')
    terminal.ask(PROMPT)
  })

  /** Images for the next message. */
  let images: readonly PicturePart[] = []
  const addImage = async (path: string): Promise<void> => {
    answering = new AbortController()
    const { signal } = answering
    try {
      const asked = { image: [path], panAndScan: options.panAndScan === true }
      images = [...images, ...(await picturesOf(model, asked, signal))]
      note(`The next message shows ${path}.`)
    } catch (error) {
      if (signal.aborted) return note('\nThe image was not read.')
      if (!isG3Error(error)) throw error
      note(`${error.message} (${error.code})`)
    } finally {
      answering = undefined
    }
  }

  /** @param views how many views of images are new in it */
  const answer = (begin: (options: GenerateOptions) => Generation, views = 0): Promise<void> =>
    said(async () => {
      answering = new AbortController()
      terminal.hush()
      try {
        using progress = pictureProgress(views)
        const how = {
          ...generateOptions(options, instructionTuned, answering.signal),
          onEncode: progress.encoded,
          onPrefill: progress.read,
          ...(speculation.drafter && { speculate: speculation.drafter }),
        }
        await printAnswer(begin(how))
      } finally {
        answering = undefined
      }
    })
  const send = (text: string): Promise<void> => {
    const content = images.length === 0 ? text : [...images, { type: 'text', text }]
    const views = viewsOf(images)
    images = []
    return answer((how) => session.send(content, how), views)
  }

  /** @returns whether the chat goes on */
  const obey = async (effect: Effect): Promise<boolean> => {
    if (effect === 'exit') return false
    if (effect === 'fork') {
      origins.push(session)
      session = session.fork()
      note('This is a copy now; /back returns to where it was.')
    } else if (effect === 'back') {
      const origin = origins.pop()
      session = origin ?? session
      note(origin ? 'Back in the conversation that was copied.' : 'This is no copy.')
    } else if ('say' in effect) note(effect.say)
    else if ('answer' in effect) await answer(effect.answer)
    else if ('image' in effect) await addImage(effect.image)
    else
      await said(async () => {
        if ('save' in effect) {
          await saveChat(session, effect.save)
          note(`The conversation is in ${effect.save}.`)
        } else {
          session = await loadChat(model, effect.load)
          note(`The conversation has ${session.messages.length} messages.`)
        }
      })
    return true
  }

  terminal.ask(PROMPT)
  for await (const line of terminal.lines) {
    if (process.stdin.isTTY && line.trim() !== '') await history.add(line)
    const entry = typed.push(line)
    switch (entry.kind) {
      case 'message':
        await send(entry.text)
        break
      case 'command':
        if (!(await obey(runCommand(session, entry.name, entry.argument)))) return
        break
      case 'more':
      case 'nothing':
        break
      default:
        return entry satisfies never
    }
    terminal.ask(typed.open ? MORE_PROMPT : PROMPT)
  }
  const rest = typed.end()
  if (rest.kind === 'message' && !interrupted) await send(rest.text)
  if (process.stdin.isTTY) note('')
  if (interrupted) process.exitCode = EXIT.interrupted
}

/** A turn that does not fit, say, or a file that is not there, ends this and not the chat. */
async function said(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isG3Error(error)) throw error
    note(`${error.message} (${error.code})`)
  }
}

async function printAnswer(generation: Generation): Promise<void> {
  let last = '\n'
  for await (const chunk of generation) {
    if (chunk.text === '') continue
    last = chunk.text
    await printText(chunk.text)
  }
  const { stopReason } = await generation.result()
  if (!last.endsWith('\n') || stopReason === 'aborted') await print('\n')
  if (stopReason === 'context') note('The context is full: /reset starts anew, --context makes it larger.')
}
