export { callReader, readCalls, type CallReader, type ToolEvent } from './calls.js'
export { spellCalls, TOOL_FORMS, toolInstructions, toolOutputs, type ToolForm, type ToolResult } from './form.js'
export { toolGrammar, type ToolChoice, type ToolGrammarOptions } from './grammar.js'
export {
  runTools,
  type ToolRun,
  type ToolRunEvent,
  type ToolRunOptions,
  type ToolRunResult,
  type ToolStep,
} from './run.js'
export { tool, toolsFromJson, type Tool, type ToolCall, type ToolContext } from './tool.js'
export { toolset, type Toolset } from './toolset.js'
