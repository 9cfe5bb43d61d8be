import { defineErrors } from './define.js';

export const DATA_ERRORS = defineErrors({});
