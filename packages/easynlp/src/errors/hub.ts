import { defineErrors } from './define.js';

export const HUB_ERRORS = defineErrors({});
