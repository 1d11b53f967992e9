import type { Buffer, Product, Weight } from './contract.js'
import { check } from './errors.js'

// What recorded ops ask of their operands. All throw `backend/shape`.

export const same = (what: string, a: number, b: number): void =>
  check(a === b, 'backend/shape', `${what}: ${a} and ${b} should be equal`)

export function within(what: string, value: number, most: number): void {
  const held = Number.isInteger(value) && value >= 1 && value <= most
  check(held, 'backend/shape', `${what} is ${value}, not from 1 to ${most}`)
}

export const number = (what: string, value: number): void =>
  check(Number.isFinite(value), 'backend/shape', `${what} is ${value}, it must be a finite number`)

export function vector(what: string, weight: Weight, cols: number): void {
  same(`${what}: rows`, weight.rows, 1)
  same(`${what}: columns`, weight.cols, cols)
}

export function normShapes(op: string, x: Buffer, weight: Weight, out: Buffer, eps: number): void {
  vector(`${op}: weight`, weight, x.cols)
  same(`${op}: columns`, x.cols, out.cols)
  number(`${op}: eps`, eps)
}

export const apart = (op: string, out: Buffer, ...operands: readonly Buffer[]): void =>
  check(!operands.includes(out), 'backend/shape', () => `${op}: ${out.label} cannot be both operand and result`)

export function productShapes(op: string, x: Buffer, { weight, out }: Product): void {
  apart(op, out, x)
  same(`${op}: columns of x and ${weight.name}`, x.cols, weight.cols)
  same(`${op}: columns of ${out.label} and rows of ${weight.name}`, out.cols, weight.rows)
}

export function heads(op: string, x: Buffer, headDim: number): void {
  const whole = Number.isInteger(headDim) && headDim > 0 && x.cols % headDim === 0
  check(whole, 'backend/shape', `${op}: ${x.cols} columns are no whole heads of ${headDim}`)
}
