import { z } from '@hono/zod-openapi'

/** Files and batches as OpenAI's API has them; they are kept as they are told. Times are seconds since 1970. */

export const fileObject = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int().optional(),
    filename: z.string(),
    purpose: z.enum(['batch', 'batch_output']),
    status: z.literal('processed'),
  })
  .openapi('File')
export type FileObject = z.infer<typeof fileObject>

export const endpoint = z.enum(['/v1/chat/completions', '/v1/completions', '/v1/responses'])

const batchStatus = z.enum([
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
])

const counts = z.object({ total: z.int(), completed: z.int(), failed: z.int() })
export type Counts = z.infer<typeof counts>

const batchError = z.object({
  code: z.string(),
  message: z.string(),
  line: z.int().nullable(),
  param: z.string().nullable(),
})
export type BatchError = z.infer<typeof batchError>

const time = z.int().nullable()

export const batchObject = z
  .object({
    id: z.string(),
    object: z.literal('batch'),
    endpoint,
    errors: z.object({ object: z.literal('list'), data: z.array(batchError) }).nullable(),
    input_file_id: z.string(),
    completion_window: z.literal('24h'),
    status: batchStatus,
    output_file_id: z.string().nullable(),
    error_file_id: z.string().nullable(),
    created_at: z.int(),
    in_progress_at: time,
    expires_at: z.int(),
    finalizing_at: time,
    completed_at: time,
    failed_at: time,
    expired_at: time,
    cancelling_at: time,
    cancelled_at: time,
    request_counts: counts,
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .openapi('Batch')
export type Batch = z.infer<typeof batchObject>

export const batchRequest = z.object({
  input_file_id: z.string().min(1).max(100),
  endpoint,
  completion_window: z.literal('24h'),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
    .nullish()
    .openapi({ type: 'object', additionalProperties: { type: 'string' } }),
})
export type BatchRequest = z.infer<typeof batchRequest>

/** What a line was answered with. */
export const lineAnswer = z.object({
  custom_id: z.string(),
  status: z.int(),
  request_id: z.string(),
  body: z.unknown(),
})
export type LineAnswer = z.infer<typeof lineAnswer>

/** Whether nothing will change any more. */
export const isOver = ({ status }: Batch): boolean =>
  status === 'completed' || status === 'failed' || status === 'expired' || status === 'cancelled'

export const seconds = (): number => Math.floor(Date.now() / 1000)
