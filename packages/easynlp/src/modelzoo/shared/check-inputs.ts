import { EasyNlpError } from '../../errors/index.js';
import type { EncoderInputs } from '../interfaces.js';
import { unpaddingOf } from '../unpadding.js';

/**
 * Refuses inputs that cannot be right.
 * @param model name of the architecture, for the message
 * @param most length of the longest text; null where any length goes
 * @throws EasyNlpError MODEL_INPUT_INVALID for a missing or ill-shaped input and for texts beyond the last position
 */
export function checkInputs(
  { inputIds, inputsEmbeds, attentionMask }: EncoderInputs,
  model: string,
  most: number | null,
): void {
  const fail = (reason: string, hint = ''): never => {
    throw new EasyNlpError('MODEL_INPUT_INVALID', { model, reason, hint });
  };
  if (!inputIds === !inputsEmbeds) fail('give either inputIds or inputsEmbeds');
  const shape = (inputIds ?? inputsEmbeds)!.shape;
  if (shape.length !== (inputIds ? 2 : 3)) {
    fail(
      `${inputIds ? 'inputIds must be [batch, length]' : 'inputsEmbeds must be [batch, length, hidden]'}, got [${shape.join(', ')}]`,
    );
  }
  const length = shape[1]!;
  // A batch that says where its tokens are may be wider than any text.
  if (most !== null && length > most && !(attentionMask && unpaddingOf(attentionMask))) {
    fail(
      `texts of ${length} tokens, while this model has ${most} positions`,
      `Encode with a maximum length of ${most} or less.`,
    );
  }
  const mask = attentionMask?.shape;
  if (mask && !(mask[0] === shape[0] && mask.slice(1).every((n) => n === length) && mask.length <= 3)) {
    fail(
      `attentionMask must be [${shape[0]}, ${length}] or [${shape[0]}, ${length}, ${length}], got [${mask.join(', ')}]`,
    );
  }
}
