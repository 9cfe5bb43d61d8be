import { z } from 'zod';

/** Numbers as configurations have them. */
export const size = z.number().int().positive();
export const probability = z.number().min(0).max(1);
