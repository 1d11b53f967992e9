/** Schemas to begin with, from one that the site's small model has words for to one of the world. */
export const EXAMPLES = {
  drawing: {
    title: 'A drawing',
    prompt: 'Describe the image.',
    schema: {
      type: 'object',
      properties: {
        shapes: {
          type: 'array',
          minItems: 1,
          maxItems: 3,
          items: {
            type: 'object',
            properties: {
              shape: { enum: ['heart', 'star', 'circle', 'triangle'] },
              colour: { enum: ['red', 'yellow', 'purple', 'blue', 'green'] },
            },
            required: ['shape', 'colour'],
            additionalProperties: false,
          },
        },
        count: { type: 'integer', minimum: 1, maximum: 9 },
      },
      required: ['shapes', 'count'],
      additionalProperties: false,
    },
  },
  person: {
    title: 'A person',
    prompt: 'Invent a character for a detective story.',
    schema: {
      type: 'object',
      properties: {
        name: { type: 'string', pattern: '^[A-Z][a-z]{2,12} [A-Z][a-z]{2,12}$' },
        age: { type: 'integer', minimum: 18, maximum: 99 },
        job: { type: 'string', maxLength: 30 },
        isGuilty: { type: 'boolean' },
      },
      required: ['name', 'age', 'job', 'isGuilty'],
      additionalProperties: false,
    },
  },
  event: {
    title: 'A date in a calendar',
    prompt: 'Lunch with Ana on the first Friday of May 2026 at noon.',
    schema: {
      type: 'object',
      properties: {
        title: { type: 'string', minLength: 3, maxLength: 40 },
        date: { type: 'string', format: 'date' },
        guests: { type: 'array', items: { type: 'string', maxLength: 20 }, maxItems: 3 },
      },
      required: ['title', 'date'],
      additionalProperties: false,
    },
  },
} as const

export type ExampleName = keyof typeof EXAMPLES
