import { defineErrors } from './define.js';

export const CONFIG_ERRORS = defineErrors({});
