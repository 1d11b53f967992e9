export { restoreSession } from './restored.js'
export {
  session,
  type AnswerOptions,
  type Chat,
  type ChatOptions,
  type RegenerateOptions,
  type SessionModel,
} from './session.js'
