import { eventsOf, pause, post, random } from '../serving.mjs'

const TEXTS = 24
const TOKENS = 32

/** Half of them are greedy, half are drawn by a seed. */
const askOf = (number) => ({
  prompt: `Chapter ${number}. ${'It was a long day. '.repeat(number % 7)}Then`,
  max_tokens: TOKENS,
  seed: number,
  temperature: number % 2,
})

/**
 * Clients of which each request either leaves at a moment that the seed draws, or is read to its end and compared with what
 * a quiet server answered, until so many have left.
 */
export async function disconnects({ url, count, clients, seed }) {
  const completions = `${url}/v1/completions`
  const problems = []
  const whole = async (number, stream) => {
    const response = await post(completions, { ...askOf(number), stream })
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    if (!stream) return (await response.json()).choices[0].text
    let text = ''
    for await (const data of eventsOf(response)) if (data !== '[DONE]') text += JSON.parse(data).choices[0]?.text ?? ''
    return text
  }
  const quiet = []
  for (let number = 0; number < TEXTS; number++) quiet.push(await whole(number, false))

  let left = 0
  let compared = 0
  /** Leaves while it waits, while the prompt is read, or between tokens. */
  const leave = async (draw) => {
    left++
    const gone = new AbortController()
    const body = { ...askOf(Math.floor(draw() * TEXTS)), max_tokens: 400, stream: true }
    const asked = post(completions, body, gone.signal).then(async (response) => {
      const events = Math.floor(draw() * TOKENS)
      let seen = 0
      for await (const _ of eventsOf(response)) if (seen++ >= events) break
    })
    await Promise.race([asked.catch(() => {}), pause(draw() < 0.5 ? 20 * draw() : 500 * draw())])
    gone.abort()
    await asked.catch((problem) => {
      if (problem.name !== 'AbortError') throw problem
    })
  }
  const compare = async (draw) => {
    const number = Math.floor(draw() * TEXTS)
    const text = await whole(number, draw() < 0.5)
    compared++
    if (text !== quiet[number])
      problems.push(`text ${number} is ${JSON.stringify(text)}, in quiet ${JSON.stringify(quiet[number])}`)
  }
  const client = async (number) => {
    const draw = random(1000 * seed + number)
    while (left < count) {
      await (draw() < 0.5 ? leave(draw) : compare(draw)).catch((problem) =>
        problems.push(`${problem.message} ${problem.cause ?? ''}`),
      )
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  if (compared < count / 4) problems.push(`only ${compared} texts were compared`)
  return { counts: { left, compared }, problems }
}
