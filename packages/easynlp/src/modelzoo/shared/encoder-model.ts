import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { Encoder, EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import type { ModelConfig } from '../model-config.js';
import { unpaddingOf } from '../unpadding.js';
import type { Visible } from './attention.js';
import { attentionBias } from './attention-bias.js';
import { checkInputs } from './check-inputs.js';

/** What a stack of layers gives. */
export type EncodedLayers = Omit<EncoderOutput, 'poolerOutput'>;

/** One layer, for `runLayers`. */
export interface EncoderLayer {
  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null };
}

/** Runs layers one after the other and collects what the options ask for. */
export function runLayers(
  layers: Iterable<EncoderLayer>,
  embedded: Tensor,
  visible: Visible,
  options: EncoderOptions,
): EncodedLayers {
  const { outputHiddenStates = false, outputAttentions = false } = options;
  const hiddenStates: Tensor[] = outputHiddenStates ? [embedded] : [];
  const attentions: Tensor[] = [];
  let x = embedded;
  for (const layer of layers) {
    const { hidden, weights } = layer.forward(x, visible, outputAttentions);
    if (weights !== null) attentions.push(weights);
    if (outputHiddenStates) hiddenStates.push(hidden);
    // What autograd needs it holds itself; without gradients the layer's input is free now.
    else x.dispose();
    x = hidden;
  }
  return {
    lastHiddenState: x,
    ...(outputHiddenStates ? { hiddenStates } : {}),
    ...(outputAttentions ? { attentions } : {}),
  };
}

/**
 * What the encoders of BERT's family share: inputs are checked, embedded, run through the layers and pooled, without
 * padding where the batch says where its tokens are.
 */
export abstract class EncoderModel<C extends ModelConfig> extends nn.Module implements Encoder {
  /** Whether padding can be left out: not where attention needs the places of tokens side by side. */
  readonly unpads: boolean = true;
  readonly config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  /** Token embeddings, as the first layer takes them. */
  protected abstract embed(inputs: EncoderInputs): Tensor;
  protected abstract run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers;
  /** Length of the longest text; null where any length goes. */
  protected abstract get positions(): number | null;

  /** A vector [B, H] for the whole text, from the last layer's states. */
  protected pool(_hidden: Tensor): Tensor | null {
    return null;
  }

  /** Adds what this architecture's attention needs besides. */
  protected see(visible: Visible, _embedded: Tensor, _inputs: EncoderInputs): Visible {
    return visible;
  }

  /** @throws EasyNlpError MODEL_INPUT_INVALID for a missing or ill-shaped input and for texts beyond the last position */
  forward(inputs: EncoderInputs, options: EncoderOptions = {}): EncoderOutput {
    checkInputs(inputs, this.constructor.name.replace(/Model$/, ''), this.positions);
    return tidy(() => {
      const encoded = this.encode(inputs, options);
      return { ...encoded, poolerOutput: this.pool(encoded.lastHiddenState) };
    });
  }

  private encode(inputs: EncoderInputs, options: EncoderOptions): EncodedLayers {
    const { outputHiddenStates = false, outputAttentions = false } = options;
    const mask = inputs.attentionMask ?? null;
    const plain = this.unpads && !outputHiddenStates && !outputAttentions;
    const unpadding = mask && plain ? unpaddingOf(mask) : null;
    if (unpadding === null || !inputs.inputIds) {
      const embedded = this.embed(inputs);
      const bias = mask ? attentionBias(mask, embedded) : null;
      const visible = this.see({ bias, unpadding: null }, embedded, inputs);
      return this.run(embedded, visible, options);
    }
    return tidy(() => {
      const { rows, places } = unpadding;
      const chosen = (ids: Tensor) => ids.reshape([-1]).indexSelect(0, rows).unsqueeze(0); // [B, T] → [1, N]
      const { inputIds, tokenTypeIds, taskTypeIds } = inputs;
      const positionIds = inputs.positionIds
        ? chosen(inputs.positionIds.expandAs(inputIds!))
        : unpadding.positions.unsqueeze(0);
      const tokens: EncoderInputs = {
        inputIds: chosen(inputIds!),
        ...(tokenTypeIds ? { tokenTypeIds: chosen(tokenTypeIds) } : {}),
        ...(taskTypeIds ? { taskTypeIds: chosen(taskTypeIds) } : {}),
        positionIds,
      };
      const embedded = this.embed(tokens);
      const visible = this.see({ bias: null, unpadding }, embedded, tokens);
      const { lastHiddenState } = this.run(embedded, visible, options);
      const [batch, length] = inputIds!.shape as [number, number];
      return { lastHiddenState: lastHiddenState.squeeze(0).indexSelect(0, places).view([batch, length, -1]) };
    });
  }
}
