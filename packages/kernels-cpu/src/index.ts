export { cpu, type CpuOptions, type Precision } from './cpu.js'
export { WORKER_SOURCE, type WorkerStart } from './worker-source.js'
