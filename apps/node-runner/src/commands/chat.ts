import { join } from 'node:path'
import { isG3Error } from '@g3/backend'
import type { Chat, GenerateOptions } from '@g3/runtime'
import { EXIT } from '../failure.js'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import { cacheFolder } from '../models/cache.js'
import { note, print, printText } from '../output.js'
import { completeCommand, runCommand } from '../repl/commands.js'
import { picturesOf, viewsOf, type PicturePart } from '../pictures.js'
import { pictureProgress } from '../progress.js'
import { openHistory } from '../repl/history.js'
import { entries } from '../repl/input.js'
import { openTerminal } from '../repl/terminal.js'
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
  const session = model.chat(options.system === undefined ? {} : { system: options.system })

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

  const answer = async (text: string): Promise<void> => {
    answering = new AbortController()
    terminal.hush()
    try {
      const content = images.length === 0 ? text : [...images, { type: 'text', text }]
      using progress = pictureProgress(viewsOf(images))
      images = []
      await printAnswer(session, content, {
        ...generateOptions(options, instructionTuned, answering.signal),
        onEncode: progress.encoded,
        onPrefill: progress.read,
        ...(speculation.drafter && { speculate: speculation.drafter }),
      })
    } catch (error) {
      // A turn that does not fit, say, ends this answer and not the chat.
      if (!isG3Error(error)) throw error
      note(`${error.message} (${error.code})`)
    } finally {
      answering = undefined
    }
  }

  terminal.ask(PROMPT)
  for await (const line of terminal.lines) {
    if (process.stdin.isTTY && line.trim() !== '') await history.add(line)
    const entry = typed.push(line)
    switch (entry.kind) {
      case 'message':
        await answer(entry.text)
        break
      case 'command': {
        const effect = runCommand(session, entry.name, entry.argument)
        if (effect === 'exit') return
        if ('image' in effect) await addImage(effect.image)
        else note(effect.say)
        break
      }
      case 'more':
      case 'nothing':
        break
      default:
        return entry satisfies never
    }
    terminal.ask(typed.open ? MORE_PROMPT : PROMPT)
  }
  const rest = typed.end()
  if (rest.kind === 'message' && !interrupted) await answer(rest.text)
  if (process.stdin.isTTY) note('')
  if (interrupted) process.exitCode = EXIT.interrupted
}

async function printAnswer(
  session: Chat,
  content: Parameters<Chat['send']>[0],
  options: GenerateOptions,
): Promise<void> {
  const generation = session.send(content, options)
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
