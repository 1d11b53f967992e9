export { student, type Losses, type Student, type StudentOptions } from './student/student.js'
export type { Example, SoftTokens, Wanted } from './student/rows.js'
export { TARGETS, type Target } from './student/targets.js'
