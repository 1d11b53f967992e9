// The program of the worker that holds models: a visitor's page stays free while one computes.
import '@g3/runtime/worker/program'
import { isLabLine } from '../lab/line.js'

// The pages that take models apart have a worker of this same program, so that nothing is fetched twice.
addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (isLabLine(data)) void import('../lab/serve.js').then(({ serveLab }) => serveLab(data.lab))
})
