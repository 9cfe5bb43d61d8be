import { defineErrors } from './define.js';

export const TRAIN_ERRORS = defineErrors({});
