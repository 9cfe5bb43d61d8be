import { defineErrors } from './define.js';

export const APP_ERRORS = defineErrors({});
