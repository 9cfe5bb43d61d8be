/** What is wrong with an operator's arguments, or null. */
type Guard = (values: readonly unknown[]) => string | null;

/** Recurrent layers: libtorch 1.13 takes weights from the list without looking at its length, beyond its end too. */
const recurrent =
  (projections: boolean): Guard =>
  ([, , params, hasBiases, numLayers, , , bidirectional]) => {
    if (!Array.isArray(params) || typeof numLayers !== 'number') return null; // refused when converted
    if (!Number.isInteger(numLayers) || numLayers < 1)
      return `num_layers must be at least 1, got ${numLayers}`;
    const cells = numLayers * (bidirectional === true ? 2 : 1);
    const each = hasBiases === true ? 4 : 2;
    if (params.length === cells * each || (projections && params.length === cells * (each + 1))) return null;
    return `${params.length} weights for ${cells} cells of ${each}`;
  };

/** Operators that read beyond their arguments when these do not fit together; found by the fuzz test. */
export const GUARDS: Readonly<Record<string, Guard>> = {
  'aten::lstm.input': recurrent(true),
  'aten::gru.input': recurrent(false),
  'aten::rnn_tanh.input': recurrent(false),
  'aten::rnn_relu.input': recurrent(false),
};
