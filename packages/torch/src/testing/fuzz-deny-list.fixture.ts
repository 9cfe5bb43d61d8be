/**
 * Operators that kill the process, or keep it busy for hours, inside libtorch 1.13 for arguments that pass their
 * schema. Found by 100,000 random calls. None has a typed function; they can only be reached through `ops.call`.
 */
export const LIBTORCH_CRASHES: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  {
    pattern: /^aten::(_?slow_conv|_?thnn_|conv_depthwise3d|mkldnn_|cudnn_|miopen_|_mkldnn)/,
    why: 'kernels behind the public convolutions and cells: they do not check kernel sizes or missing tensors',
  },
  {
    pattern:
      /^aten::((native_|_)?batch_norm_?(update|gather|elemt|backward|impl)?|embedding_dense_backward|matrix_exp_backward|_transform(er|_bias)|_native_multi_head)/,
    why: 'parts of larger operators, which check for them',
  },
  { pattern: /^aten::_fft_/, why: 'parts of the public transforms, which check for them' },
  { pattern: /_backward/, why: 'formulas of autograd trust that the forward operator has checked' },
  { pattern: /^aten::special_.*_polynomial/, why: 'runs as many rounds as the degree says' },
  {
    pattern: /^aten::(max_unpool|fractional_max_pool|reflection_pad|replication_pad)/,
    why: 'does not check the length of its lists',
  },
  {
    pattern: /^aten::_?(native_)?channel_shuffle|^aten::_weight_norm/,
    why: 'divides by zero for empty tensors',
  },
  { pattern: /^aten::(_local_scalar_dense|_stack|align_|einsum_)/, why: 'reads the first of no elements' },
  { pattern: /^aten::(_?histogramdd|unfold_backward|_symeig_helper)/, why: 'writes out of bounds' },
  {
    pattern:
      /^aten::(_compute_linear_combination|choose_qparams|_reshape_alias|_remove_batch_dim|_add_batch_dim|_pdist|_?embedding_bag|_sobol|_cholesky_solve|_?upsample_|lu_unpack)/,
    why: 'reads out of bounds',
  },
  {
    pattern:
      /^aten::(_efficientzerotensor|_new_zeros_with_same_feature_meta|_make_dual|_unpack_dual|_fw_primal)/,
    why: 'makes tensors without memory, which nothing else expects',
  },
  {
    pattern:
      /sparse|mkldnn|_csr|_coalesce|_nested|_indices|_values|fbgemm|quantize|q_|^quantized::|^sparse::/,
    why: 'layouts and dtypes that this package does not support; their kernels trust each other',
  },
  { pattern: /^(?!aten::)/, why: 'operators outside ATen work on packed objects and internal state' },
];
