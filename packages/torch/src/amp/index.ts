export { type AutocastOptions, autocast, autocastState } from './autocast.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.js';
export { WorkingCopies } from './working-copies.js';
