export * from './contract.js'
export { check, G3Error, isG3Error } from './errors.js'
export { BLOCKS, rowBytes, type QuantType } from './quant.js'
