import { defineErrors } from './define.js';

export const MODEL_ERRORS = defineErrors({});
