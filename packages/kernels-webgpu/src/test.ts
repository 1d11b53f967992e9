export { counted, type CountedDevice, type Counts } from './testing/counting.js'
export { timed, type OpTime, type TimedDevice } from './testing/timing.js'
export { changeDevices } from './testing/wrap.js'
export { TOLERANCES } from './testing/tolerances.js'
