import { z } from 'zod'
import type { Batch, BatchError } from './records.js'

/** What a line asks for. */
export interface LineRequest {
  readonly customId: string
  readonly url: Batch['endpoint']
  readonly body: Readonly<Record<string, unknown>>
}

const shape = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal('POST'),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
})

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads a line, or tells what is wrong with it. */
export function readLine(bytes: Uint8Array, endpoint: Batch['endpoint'], line: number): LineRequest | BatchError {
  const wrong = (code: string, message: string, param: string | null = null): BatchError => ({
    code,
    message,
    line,
    param,
  })
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch {
    return wrong('invalid_json_line', 'this line is no JSON: each line is one object')
  }
  const read = shape.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    const param = issue.path.join('.')
    return wrong('invalid_line', param === '' ? issue.message : `${param}: ${issue.message}`, param || null)
  }
  const { custom_id: customId, url, body } = read.data
  if (url !== endpoint) return wrong('mismatched_url', `url: the batch is for ${endpoint}`, 'url')
  if (body.stream) return wrong('invalid_line', 'body.stream: a batch has no streams, leave it out', 'body.stream')
  return { customId, url: endpoint, body }
}

export const isWrong = (line: LineRequest | BatchError): line is BatchError => 'code' in line
