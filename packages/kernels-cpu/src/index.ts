export { cpu, type CpuOptions, type Precision } from './cpu.js'
export { cpuFootprint } from './footprint.js'
export { worker as WORKER_SOURCE } from './generated/worker.js'
export type { WorkerStart } from './worker.js'
