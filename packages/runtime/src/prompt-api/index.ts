export { languageModel } from './language-model.js'
export type { PromptModel } from './talk.js'
export type {
  Availability,
  CreateCoreOptions,
  CreateMonitor,
  CreateOptions,
  LanguageModelClass,
  LanguageModelParams,
  LanguageModelSession,
  PromptContent,
  PromptExpected,
  PromptInput,
  PromptMessage,
  PromptOptions,
  PromptRole,
  PromptTool,
  SamplingMode,
  SignalOptions,
} from './types.js'
