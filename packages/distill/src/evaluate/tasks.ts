import { G3Error } from '@g3/backend'
import type { ChatMessage } from '@g3/tokenizer'
import { jsonLines, textField, textsField, type NamedRow } from '../data/json-lines.js'
import { messagesField } from '../data/messages.js'
import type { ChoiceItem } from './choice.js'
import type { GenerateItem, Metric } from './generate.js'

/** A benchmark of the Gemma 3 report: what its file is, and what its lines mean. Prompts are lm-eval's. */
export type Recipe =
  | { readonly kind: 'choice'; readonly wants: string; item(line: NamedRow): ChoiceItem }
  | {
      readonly kind: 'generate'
      readonly wants: string
      readonly metric: Metric
      readonly stop: readonly string[]
      item(line: NamedRow): GenerateItem
    }

/** Prompts and fields: EleutherAI, lm-evaluation-harness, `lm_eval/tasks`. Without examples in the prompt. */
export const RECIPES = {
  gsm8k: {
    kind: 'generate',
    wants: 'test.jsonl of openai/grade-school-math: {question, answer}',
    metric: 'math',
    stop: ['Question:'],
    item: (line) => ({
      prompt: `Question: ${textField(line, 'question')}\nAnswer:`,
      answer: textField(line, 'answer'),
    }),
  },
  hellaswag: {
    kind: 'choice',
    wants: 'hellaswag_val.jsonl of rowanz/hellaswag: {activity_label, ctx_a, ctx_b, endings, label}',
    item(line) {
      const b = textField(line, 'ctx_b')
      const context = `${textField(line, 'ctx_a')} ${b.slice(0, 1).toUpperCase()}${b.slice(1).toLowerCase()}`
      return {
        prompt: cleaned(`${textField(line, 'activity_label')}: ${context}`),
        choices: textsField(line, 'endings').map((ending) => ` ${cleaned(ending)}`),
        answer: wholeField(line, 'label'),
      }
    },
  },
  arc: {
    kind: 'choice',
    wants: 'a JSONL of allenai/ai2_arc, easy or challenge: {question, choices: {text, label}, answerKey}',
    item(line) {
      const { choices } = line.row
      const inner: NamedRow = {
        row: typeof choices === 'object' && choices !== null ? { ...choices } : {},
        where: line.where,
      }
      return {
        prompt: `Question: ${textField(line, 'question')}\nAnswer:`,
        choices: textsField(inner, 'text').map((text) => ` ${text}`),
        answer: textsField(inner, 'label').indexOf(textField(line, 'answerKey')),
      }
    },
  },
  mmlu: {
    kind: 'choice',
    wants: 'a JSONL of cais/mmlu: {question, choices, answer}',
    item(line) {
      const choices = textsField(line, 'choices')
      const letters = choices.map((_, i) => String.fromCharCode(65 + i))
      const listed = choices.map((text, i) => `${letters[i]}. ${text}`).join('\n')
      return {
        prompt: `${textField(line, 'question').trim()}\n${listed}\nAnswer:`,
        choices: letters.map((letter) => ` ${letter}`),
        answer: wholeField(line, 'answer'),
      }
    },
  },
  boolq: {
    kind: 'choice',
    wants: 'dev.jsonl of google-research-datasets/boolean-questions: {question, passage, answer}',
    item(line) {
      if (typeof line.row.answer !== 'boolean')
        throw new G3Error('distill/bad-data', `${line.where}: answer must be true or false`)
      return {
        prompt: `${textField(line, 'passage')}\nQuestion: ${textField(line, 'question')}?\nAnswer:`,
        choices: [' no', ' yes'],
        answer: Number(line.row.answer),
      }
    },
  },
} as const satisfies Readonly<Record<string, Recipe>>

export type RecipeName = keyof typeof RECIPES

/** The texts of `{text}` lines; of a file that is not JSONL, the whole. @throws G3Error `distill/bad-data` */
export const textItems = (file: string, name: string): readonly string[] =>
  name.endsWith('.jsonl') ? jsonLines(file, name).map((line) => textField(line, 'text')) : [file]

/** Lines `{prompt or messages, choices, answer}`. @throws G3Error `distill/bad-data` */
export const choiceItems = (file: string, name: string): readonly ChoiceItem[] =>
  jsonLines(file, name).map((line) => ({
    prompt: promptOf(line),
    choices: textsField(line, 'choices'),
    answer: wholeField(line, 'answer'),
  }))

/** Lines `{prompt or messages, answer?}`. @throws G3Error `distill/bad-data` */
export const generateItems = (file: string, name: string): readonly GenerateItem[] =>
  jsonLines(file, name).map((line) => ({
    prompt: promptOf(line),
    answer: line.row.answer === undefined ? undefined : textField(line, 'answer'),
  }))

const promptOf = (line: NamedRow): string | readonly ChatMessage[] =>
  line.row.messages === undefined ? textField(line, 'prompt') : messagesField(line)

function wholeField({ row, where }: NamedRow, field: string): number {
  const value = Number(row[field])
  if (!Number.isInteger(value))
    throw new G3Error('distill/bad-data', `${where}: ${field} must be the number of a choice`)
  return value
}

/** lm-eval's, of HellaSwag: marks of WikiHow's pages are no words. */
const cleaned = (text: string): string =>
  text
    .trim()
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ')
