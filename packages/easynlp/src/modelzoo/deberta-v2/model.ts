import { nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { BertEncoder, initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import type { Visible } from '../shared/attention.js';
import { type EncodedLayers, type EncoderLayer, EncoderModel, runLayers } from '../shared/encoder-model.js';
import { type DebertaVisible, DisentangledSelfAttention, rowsByDistance, rowsOfPairs } from './attention.js';
import { type DebertaV2Config, debertaV2Positions, type RelativeShape, relativeShape } from './config.js';

/*
 * DeBERTa-v2, He et al. 2021 (arXiv 2006.03654) with what its second version added: positions in log buckets, a
 * convolution beside the first layer, projections shared by content and positions.
 */

const { Conv1d, Dropout, Embedding, LayerNorm, Linear, Module } = nn;

/** Inputs with the mask [B, T] of the tokens, while `attentionMask` is the one of pairs. */
interface MaskedInputs extends EncoderInputs {
  readonly tokens?: Tensor | null;
}

class DebertaV2Embeddings extends Module {
  readonly word_embeddings: nn.Embedding;
  readonly position_embeddings: nn.Embedding | null;
  readonly token_type_embeddings: nn.Embedding | null;
  readonly embed_proj: nn.Linear | null;
  readonly LayerNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, type_vocab_size: types } = config;
    const width = config.embedding_size ?? hidden;
    const paddingIdx = config.pad_token_id ?? null;
    this.word_embeddings = new Embedding(config.vocab_size, width, { ...factory, paddingIdx });
    this.position_embeddings = config.position_biased_input
      ? new Embedding(config.max_position_embeddings, width, factory)
      : null;
    this.token_type_embeddings = types > 0 ? new Embedding(types, width, factory) : null;
    this.embed_proj = width === hidden ? null : new Linear(width, hidden, { ...factory, bias: false });
    this.LayerNorm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.dropout = new Dropout(config.hidden_dropout_prob);
  }

  forward({ inputIds, inputsEmbeds, tokenTypeIds, positionIds, tokens }: MaskedInputs): Tensor {
    return tidy(() => {
      const { position_embeddings: places, token_type_embeddings: segments } = this;
      let x = inputsEmbeds ?? this.word_embeddings.forward(inputIds!);
      if (places)
        x = x.add(positionIds ? places.forward(positionIds) : places.weight.narrow(0, 0, x.size(1)));
      if (segments) x = x.add(tokenTypeIds ? segments.forward(tokenTypeIds) : segments.weight.select(0, 0));
      if (this.embed_proj) x = this.embed_proj.forward(x);
      x = this.LayerNorm.forward(x);
      if (tokens) x = x.mul(tokens.unsqueeze(-1).to({ dtype: x.dtype }));
      return this.dropout.forward(x);
    });
  }
}

/** A convolution of the embeddings, added to what the first layer gives. */
class DebertaV2Convolution extends Module {
  readonly conv: nn.Conv1d;
  readonly LayerNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, conv_kernel_size: kernel, conv_groups: groups } = config;
    this.conv = new Conv1d(hidden, hidden, kernel, { ...factory, padding: (kernel - 1) / 2, groups });
    this.LayerNorm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.dropout = new Dropout(config.hidden_dropout_prob);
    this.activation = nn.functional.activation(config.conv_act);
  }

  forward(embedded: Tensor, layer: Tensor, tokens: Tensor | null): Tensor {
    return tidy(() => {
      const convolved = this.conv.forward(embedded.transpose(1, 2)).transpose(1, 2);
      const kept = tokens ? convolved.mul(tokens) : convolved;
      const y = this.LayerNorm.forward(layer.add(this.activation(this.dropout.forward(kept))));
      return tokens ? y.mul(tokens) : y;
    });
  }
}

class DebertaV2Encoder extends BertEncoder<DebertaV2Config> {
  readonly rel_embeddings: nn.Embedding | null;
  readonly LayerNorm: nn.LayerNorm | null;
  readonly conv: DebertaV2Convolution | null;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions) {
    super(config, factory, DisentangledSelfAttention);
    const { hidden_size: hidden } = config;
    const shape = relativeShape(config);
    this.rel_embeddings = shape ? new Embedding(2 * shape.span, hidden, factory) : null;
    const normalised = config.norm_rel_ebd
      .toLowerCase()
      .split('|')
      .some((word) => word.trim() === 'layer_norm');
    this.LayerNorm = normalised ? new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps }) : null;
    this.conv = config.conv_kernel_size > 0 ? new DebertaV2Convolution(config, factory) : null;
  }

  override forward(embedded: Tensor, given: Visible, options: EncoderOptions): EncodedLayers {
    const relative = this.rel_embeddings?.weight ?? null;
    const visible: DebertaVisible = {
      ...(given as DebertaVisible),
      relative: relative && this.LayerNorm ? this.LayerNorm.forward(relative) : relative,
    };
    const [first, ...rest] = this.layer;
    const { conv } = this;
    if (conv === null || !first) return runLayers(this.layer, embedded, visible, options);
    const withConvolution: EncoderLayer = {
      forward: (x, seen, keepWeights) =>
        tidy(() => {
          const { hidden, weights } = first.forward(x, seen, keepWeights);
          return { hidden: conv.forward(x, hidden, visible.tokens), weights };
        }),
    };
    return runLayers([withConvolution, ...rest], embedded, visible, options);
  }
}

/** The DeBERTa-v2 encoder; it has no pooler of its own. DeBERTa-v3 is the same network. */
export class DebertaV2Model extends EncoderModel<DebertaV2Config> {
  /** Distances are those of places in the batch. */
  override readonly unpads = false;
  readonly embeddings: DebertaV2Embeddings;
  readonly encoder: DebertaV2Encoder;
  /** Names of the buffers made so far. */
  readonly #tables = new Set<string>();

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions = {}) {
    super(config);
    this.embeddings = new DebertaV2Embeddings(config, factory);
    this.encoder = new DebertaV2Encoder(config, factory);
    if (factory.device !== 'meta') initDebertaV2Weights(this, config);
  }

  /** As there, padding sees nothing at all: a mask of tokens becomes one of pairs of tokens. */
  override forward(inputs: EncoderInputs, options: EncoderOptions = {}): EncoderOutput {
    const mask = inputs.attentionMask;
    if (!mask || mask.ndim < 2) return super.forward(inputs, options);
    return tidy(() => {
      const { tokens, pairs } = noGrad(() => {
        if (mask.ndim === 3) return { tokens: mask.sum({ dim: [1] }).gt(0), pairs: mask };
        const tokens = mask.to({ dtype: 'int64' });
        return { tokens, pairs: tokens.unsqueeze(1).mul(tokens.unsqueeze(2)) };
      });
      const given: MaskedInputs = { ...inputs, attentionMask: pairs, tokens };
      return super.forward(given, options);
    });
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    return this.embeddings.forward(inputs);
  }

  protected override see(visible: Visible, embedded: Tensor, inputs: MaskedInputs): DebertaVisible {
    const shape = relativeShape(this.config);
    const { dtype, device } = embedded;
    return {
      ...visible,
      relative: null,
      rows: shape && this.rowsOf(embedded.size(1), shape, device),
      tokens: inputs.tokens ? inputs.tokens.unsqueeze(-1).to({ dtype }) : null,
    };
  }

  /**
   * What comes from the host stays on the device: a step that is recorded as a CUDA graph can copy nothing there. The
   * tables are of few sizes and none goes while a graph may still read it.
   */
  private rowsOf(length: number, shape: RelativeShape, device: string): Tensor {
    let size = 64;
    while (size < length) size *= 2;
    const name = `rowsByDistance${size}`;
    if (!this.#tables.has(name)) {
      this.registerBuffer(name, rowsByDistance(size, shape, device), { persistent: false });
      this.#tables.add(name);
    }
    return rowsOfPairs(length, this.buffer(name));
  }

  protected override run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return this.encoder.forward(embedded, visible, options);
  }

  protected override get positions(): number | null {
    return debertaV2Positions(this.config);
  }
}

/** BERT's starting values, and the convolution's. */
export function initDebertaV2Weights(
  root: nn.Module,
  config: DebertaV2Config,
  only: (parameter: nn.Parameter) => boolean = () => true,
): void {
  initBertWeights(root, config, only);
  for (const [, module] of root.namedModules()) {
    if (!(module instanceof Conv1d)) continue;
    if (only(module.weight)) nn.init.normal_(module.weight, 0, config.initializer_range);
    if (module.bias && only(module.bias)) nn.init.zeros_(module.bias);
  }
}
