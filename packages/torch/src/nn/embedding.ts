import { TorchError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type FactoryOptions, lazy, parameter } from './factory.js';
import * as init from './init.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';

const embedding = lazy('aten::embedding');

/** Rows of a table by their numbers: int64 or int32 […] → […, embeddingDim]. */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** The row that starts as zeros and gets no gradient, or null. */
  readonly paddingIdx: number | null;
  /** [numEmbeddings, embeddingDim] */
  weight: Parameter;

  /** @throws TorchError ARGUMENT_INVALID when `paddingIdx` is outside the table; negative ones count from its end. */
  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    options: FactoryOptions & { readonly paddingIdx?: number | null } = {},
  ) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    const given = options.paddingIdx ?? null;
    const padding = given !== null && given < 0 ? given + numEmbeddings : given;
    if (padding !== null && !(padding >= 0 && padding < numEmbeddings)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `Embedding: paddingIdx ${given} is outside a table of ${numEmbeddings} rows`,
      );
    }
    this.paddingIdx = padding;
    this.weight = parameter([numEmbeddings, embeddingDim], options, (t) => {
      init.normal_(t);
      if (padding !== null) t.narrow(0, padding, 1).zero_();
    });
  }

  forward(indices: Tensor): Tensor {
    return embedding(this.weight, indices, this.paddingIdx ?? -1);
  }
}
