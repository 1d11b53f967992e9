/** What a worker's program takes a page's line to the lab from. */
export interface LabLine {
  readonly lab: MessagePort
}

export const isLabLine = (message: unknown): message is LabLine =>
  typeof message === 'object' && message !== null && 'lab' in message && message.lab instanceof MessagePort
