export {
  type AtomicData,
  type AtomicFolderOptions,
  atomicFolder,
  recoverFolder,
  writeFileAtomic,
} from './atomic.js';
export type { FileDType } from './file-dtype.js';
export { readSafetensorsHeader, SafetensorsFile } from './safetensors.js';
export type { SafetensorsEntry, SafetensorsHeader } from './safetensors-header.js';
export { encodeSafetensors, type SafetensorsInput, writeSafetensors } from './safetensors-writer.js';
export { loadTensorBundle } from './tensor-bundle.js';
export { type LoadOptions, loadSafetensors, loadTorchBin, saveSafetensors } from './tensor-files.js';
export {
  type CheckpointTensor,
  loadTorchCheckpoint,
  TorchCheckpoint,
  type TorchCheckpointOptions,
} from './torch-checkpoint.js';
