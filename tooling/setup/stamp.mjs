import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/**
 * A stamp lists files with size and time of change, one a line. Equal text means that nothing changed since: comparing
 * costs a few milliseconds where hashing contents would cost the second that a start should not lose.
 */

/** Folders and files that hold what a build makes, or what only tests and people read. */
const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'fixtures', '.turbo'])
const UNBUILT_FILE = /\.(?:test|bench)\.[a-z]+$|\.md$/

/** @param {string} folder @param {string[]} into */
function collect(folder, into) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) collect(join(folder, entry.name), into)
    } else if (!UNBUILT_FILE.test(entry.name)) into.push(join(folder, entry.name))
  }
}

/**
 * @param {string} root paths in the stamp are relative to it
 * @param {readonly string[]} paths files and folders, some of which may be missing
 * @returns {string} one line `path size mtime` for each file, sorted
 */
export function stampOf(root, paths) {
  /** @type {string[]} */
  const files = []
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory()) collect(path, files)
    else if (stat) files.push(path)
  }
  return files
    .sort()
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return `${relative(root, file).split(sep).join('/')} ${stat?.size} ${stat?.mtimeMs}`
    })
    .join('\n')
}

/** @param {string} file @returns {string | undefined} the stamp written last */
export const readStamp = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)

/** @param {string} file @param {string} stamp */
export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stamp)
}

/**
 * @param {string} before @param {string} now
 * @returns {string[]} the files whose lines differ
 */
export function changedFiles(before, now) {
  const old = new Set(before.split('\n'))
  const current = new Set(now.split('\n'))
  const lines = [...current].filter((line) => !old.has(line)).concat([...old].filter((line) => !current.has(line)))
  return [...new Set(lines.filter(Boolean).map((line) => line.split(' ').slice(0, -2).join(' ')))]
}
