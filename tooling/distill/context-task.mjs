// A task for context distillation: `node tooling/distill/context-task.mjs --out FOLDER`. A prompt with examples teaches the topics of messages; the
// folder gets prompt.txt, learn.jsonl (prompts alone: the teacher writes the answers), test.jsonl (300 others with the right answers) and
// prompted.jsonl (the same after the prompt). README.md of @g3/distill has the commands.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { random } from '../../packages/distill/dist/index.js'

const { values: flags } = parseArgs({ options: { out: { type: 'string' } } })

/** By topic: sentences, and what may stand for their gap. */
const TOPICS = {
  sport: [
    ['The goalkeeper of {} saved two penalties.', 'The coach of {} chose a young team.', '{} won the final after extra time.', 'A striker of {} scored three goals.', 'The match against {} ended in a draw.', 'Fans of {} sang in the stadium.', '{} lost the race by a second.', 'The referee sent a player of {} off.'],
    ['the visitors', 'the home side', 'our school', 'the champions', 'Madrid', 'the neighbours', 'Brazil', 'the red team', 'Ajax', 'the newcomers'],
  ],
  food: [
    ['The soup with {} needs more salt.', 'She baked a pie with {}.', 'We had {} for lunch.', 'Fry the {} in butter until golden.', 'This recipe wants {} and an egg.', 'The cook served {} with a sauce.', 'I ate too much {} at dinner.', 'Boil the {} for ten minutes.'],
    ['onions', 'rice', 'mushrooms', 'potatoes', 'fish', 'cheese', 'beans', 'carrots', 'noodles', 'spinach'],
  ],
  weather: [
    ['Heavy rain is expected in {} tonight.', 'The storm reached {} at noon.', 'It will be sunny in {} tomorrow.', 'Thick fog lay over {} this morning.', 'Snow fell in {} for three days.', 'A cold wind blows through {}.', 'The heat in {} broke a record.', 'Clouds will clear over {} by evening.'],
    ['the valley', 'the north', 'Oslo', 'the mountains', 'the coast', 'Kansas', 'the south', 'Vienna', 'the islands', 'the plains'],
  ],
  music: [
    ['{} played a song on the piano.', 'The choir sang with {}.', '{} released a new album.', 'The guitar of {} was out of tune.', '{} wrote a melody for the violin.', 'The concert of {} was sold out.', 'The drummer of {} kept the beat.', '{} sang the chorus twice.'],
    ['the band', 'my cousin', 'the orchestra', 'a young singer', 'Clara', 'the trio', 'his sister', 'the duo', 'Miguel', 'the quartet'],
  ],
  money: [
    ['The bank raised the rate on {}.', 'Prices of {} fell by five percent.', 'She invested her savings in {}.', 'The tax on {} will rise in May.', 'He took out a loan for {}.', 'Investors sold their {} in a panic.', 'The price of {} doubled this year.', 'Our budget for {} is spent.'],
    ['shares', 'bonds', 'gold', 'houses', 'the firm', 'stocks', 'oil', 'land', 'silver', 'offices'],
  ],
  travel: [
    ['Our flight to {} was delayed.', 'They booked a hotel in {}.', 'The train to {} leaves at six.', 'We took the ferry to {}.', 'My passport was checked in {}.', 'The tour bus stops in {}.', 'He packed his suitcase for {}.', 'The guide showed us around {}.'],
    ['Lisbon', 'Kyoto', 'Cairo', 'Rome', 'Athens', 'Dublin', 'Prague', 'Lima', 'Hanoi', 'Tunis'],
  ],
}
const TESTED = 300
const SHOWN = 4

const promptOf = (message) => `Message: ${message}\nTopic:`

const rng = random(17)
const shuffled = (items) => {
  const order = Int32Array.from(items.keys())
  rng.shuffle(order)
  return Array.from(order, (n) => items[n])
}
const sentence = (text, gap) => {
  const filled = text.replace('{}', gap)
  return filled.charAt(0).toUpperCase() + filled.slice(1)
}
const byTopic = Object.entries(TOPICS).map(([topic, [texts, gaps]]) =>
  shuffled(texts.flatMap((text) => gaps.map((gap) => ({ message: sentence(text, gap), topic })))),
)
const shown = shuffled(byTopic.flatMap((items) => items.slice(0, SHOWN)))
const rest = shuffled(byTopic.flatMap((items) => items.slice(SHOWN)))
const prompt =
  `Each message below has one topic, a single word: ${Object.keys(TOPICS).join(', ')}. Nothing else is written after the topic.\n\n` +
  shown.map(({ message, topic }) => `${promptOf(message)} ${topic}\n\n`).join('')

mkdirSync(flags.out, { recursive: true })
const write = (name, text) => writeFileSync(join(flags.out, name), text)
const lines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const tested = rest.slice(0, TESTED)
write('prompt.txt', prompt)
write('learn.jsonl', lines(rest.slice(TESTED).map(({ message }) => ({ prompt: promptOf(message) }))))
write('test.jsonl', lines(tested.map(({ message, topic }) => ({ prompt: promptOf(message), answer: topic }))))
write('prompted.jsonl', lines(tested.map(({ message, topic }) => ({ prompt: prompt + promptOf(message), answer: topic }))))
console.log(`${shown.length} shown, ${rest.length - TESTED} to learn from, ${tested.length} to test`)
