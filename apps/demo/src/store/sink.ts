/** A file that grows: what a transfer writes into. */
export interface Sink {
  readonly size: number
  read(at: number, into: Uint8Array): number
  write(at: number, bytes: Uint8Array): void
  truncate(size: number): void
  flush(): void
}
