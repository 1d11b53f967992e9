/** The private file system that browsers give a site (OPFS), as folders and files of ours. */
export interface Folder {
  readonly handle: FileSystemDirectoryHandle
  folder(name: string): Promise<Folder>
  folders(): Promise<readonly string[]>
  /** Undefined where there is none. */
  file(name: string): Promise<File | undefined>
  /** Takes the place of the file before when all of it is written; until then the old one stays. */
  write(name: string, data: Blob | BufferSource | string): Promise<void>
  /** The same, of a stream, which may be left early: then the old file stays. */
  pour(name: string, data: AsyncIterable<Uint8Array<ArrayBufferLike>>): Promise<void>
  remove(name: string): Promise<void>
}

const isMissing = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotFoundError'

export function folderOf(handle: FileSystemDirectoryHandle): Folder {
  const writable = async (name: string): Promise<FileSystemWritableFileStream> =>
    (await handle.getFileHandle(name, { create: true })).createWritable()

  return {
    handle,
    folder: async (name) => folderOf(await handle.getDirectoryHandle(name, { create: true })),
    async folders() {
      const names: string[] = []
      for await (const [name, entry] of handle.entries()) if (entry.kind === 'directory') names.push(name)
      return names
    },
    async file(name) {
      try {
        return await (await handle.getFileHandle(name)).getFile()
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async write(name, data) {
      const stream = await writable(name)
      try {
        await stream.write(data instanceof Uint8Array ? own(data) : data)
        await stream.close()
      } catch (error) {
        await stream.abort().catch(() => {})
        throw error
      }
    },
    async pour(name, data) {
      const stream = await writable(name)
      try {
        for await (const bytes of data) await stream.write(own(bytes))
        await stream.close()
      } catch (error) {
        await stream.abort().catch(() => {})
        throw error
      }
    },
    async remove(name) {
      try {
        await handle.removeEntry(name, { recursive: true })
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    },
  }
}

const own = (bytes: Uint8Array<ArrayBufferLike>): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes)

/** The folder of this site. @throws Error where the browser gives none, as in some private windows */
export const siteFolder = async (): Promise<Folder> => folderOf(await navigator.storage.getDirectory())
