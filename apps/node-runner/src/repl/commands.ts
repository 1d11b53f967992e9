import type { Chat, GenerateOptions, Generation } from '@g3/runtime'

/**
 * What a chat command does: a line to show, an image file for the next message, an answer, a file to save the chat in or to
 * take one up from, a copy to go on in or the way back from it, or the end of the chat.
 */
export type Effect =
  | { readonly say: string }
  | { readonly image: string }
  | { readonly answer: (options: GenerateOptions) => Generation }
  | { readonly save: string }
  | { readonly load: string }
  | 'fork'
  | 'back'
  | 'exit'

interface ChatCommand {
  readonly usage: string
  readonly help: string
  run(chat: Chat, argument: string): Effect
}

export const COMMANDS: Readonly<Record<string, ChatCommand>> = {
  reset: {
    usage: '/reset',
    help: 'forget the conversation; the instructions stay',
    run(chat) {
      chat.reset()
      return { say: 'The conversation starts anew.' }
    },
  },
  system: {
    usage: '/system TEXT',
    help: 'instructions that the model sees first; alone shows them, /system none removes them',
    run(chat, argument) {
      if (argument === '')
        return { say: chat.system === undefined ? 'There are no instructions.' : `Instructions: ${chat.system}` }
      chat.system = argument === 'none' ? undefined : argument
      return { say: chat.system === undefined ? 'Instructions removed.' : 'Instructions set.' }
    },
  },
  image: {
    usage: '/image FILE',
    help: 'show an image with the next message; several make several',
    run: (_, argument) => (argument === '' ? { say: 'Which file? /image FILE' } : { image: argument }),
  },
  regenerate: {
    usage: '/regenerate',
    help: 'answer the last message again',
    run: (chat) =>
      chat.messages.length === 0
        ? { say: 'There is no answer yet.' }
        : { answer: (options) => chat.regenerate(options) },
  },
  edit: {
    usage: '/edit [N] TEXT',
    help: 'say something else in the last message, or in the Nth; what followed is forgotten',
    run(chat, argument) {
      const [, number = '', text = ''] = /^(?:(\d+)\s+)?(.*)$/s.exec(argument) ?? []
      const count = chat.messages.length / 2
      const place = number === '' ? count : Number(number)
      if (text === '') return { say: 'What instead? /edit TEXT, or /edit N TEXT' }
      if (place < 1 || place > count) return { say: `There is no message ${place}: there are ${count}.` }
      return { answer: (options) => chat.edit((place - 1) * 2, text, options) }
    },
  },
  fork: {
    usage: '/fork',
    help: 'go on in a copy of the conversation; /back returns to where it was',
    run: () => 'fork',
  },
  back: {
    usage: '/back',
    help: 'leave a copy',
    run: () => 'back',
  },
  save: {
    usage: '/save FILE',
    help: 'leave the conversation in a file, with all that the model has read',
    run: (_, argument) => (argument === '' ? { say: 'Where? /save FILE' } : { save: argument }),
  },
  load: {
    usage: '/load FILE',
    help: 'take up a conversation that was saved',
    run: (_, argument) => (argument === '' ? { say: 'Which file? /load FILE' } : { load: argument }),
  },
  help: {
    usage: '/help',
    help: 'show this',
    run: () => ({ say: helpText() }),
  },
  exit: {
    usage: '/exit',
    help: 'leave; so do Ctrl-D and pressing Ctrl-C twice',
    run: () => 'exit',
  },
}

const helpText = (): string =>
  [
    ...Object.values(COMMANDS).map(({ usage, help }) => `${usage.padEnd(17)}${help}`),
    'A line ending in \\ goes on in the next. """ begins a message of several lines and ends it.',
    'Ctrl-C stops an answer. // begins a message with a slash.',
  ].join('\n')

/** Runs `/name argument`. */
export function runCommand(chat: Chat, name: string, argument: string): Effect {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name].run(chat, argument)
  return { say: `There is no /${name}; /help lists what there is.` }
}

/** Commands that begin like `line`, for the tab key. */
export const completeCommand = (line: string): string[] =>
  line.startsWith('/')
    ? Object.keys(COMMANDS)
        .map((name) => `/${name}`)
        .filter((name) => name.startsWith(line))
    : []
