import type { Chat } from '@g3/runtime'

/** What a chat command does: a line to show, an image file for the next message, or the end of the chat. */
export type Effect = { readonly say: string } | { readonly image: string } | 'exit'

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
    ...Object.values(COMMANDS).map(({ usage, help }) => `${usage.padEnd(14)}${help}`),
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
