import './install.js';

export * from './autograd.js';
export * from './creation.js';
export { type Device, type DType, isFloating, itemSize, type Scalar, type TypedArray } from './dtype.js';
export { TorchError, type TorchErrorCode } from './errors.js';
export * as files from './files/index.js';
export * from './generated/ops.js';
export { Generator, getRngState, manualSeed, setRngState } from './generator.js';
export { bfloat16ToNumber, float16ToNumber } from './half.js';
export { type Index, Slice, slice as range } from './indexing.js';
export type { NestedArray } from './nested.js';
export * as nn from './nn/index.js';
export { type OpValue, ops } from './operator.js';
export { clipGradNorm } from './optim/clip-grad-norm.js';
export * as optim from './optim/index.js';
export * from './runtime.js';
export { keep, Scope, scope, tidy } from './scope.js';
export { Tensor, type TensorOptions } from './tensor.js';
