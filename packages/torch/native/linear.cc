// A linear layer whose backward pass sums over the rows by a matrix product.
//
// The gradient of a bias is a sum over all tokens. libtorch computes it with its general reduction, which on an H200
// took 8 % of a BERT-base training step: more than the optimizer's norm, casts and dropout together.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <map>
#include <mutex>
#include <tuple>

#include "compat.h"

namespace easynlp {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// Ones [1, count] that stay where they are, since captured graphs may read them. Sizes are powers of two.
at::Tensor ones(int64_t count, const at::TensorOptions& options) {
  static std::mutex mutex;
  static auto* kept = new std::map<std::tuple<int64_t, int8_t, int8_t>, at::Tensor>();  // outlives the driver
  int64_t size = 1024;
  while (size < count) size *= 2;
  const auto key = std::make_tuple(size, static_cast<int8_t>(options.device().index()),
                                   static_cast<int8_t>(c10::typeMetaToScalarType(options.dtype())));
  std::lock_guard<std::mutex> lock(mutex);
  auto found = kept->find(key);
  if (found == kept->end()) found = kept->emplace(key, at::ones({1, size}, options)).first;
  return found->second.narrow(1, 0, count);
}

/// [N, O] → [O]. For few rows the general reduction is as fast.
at::Tensor sumRows(const at::Tensor& x) {
  const int64_t n = x.size(0);
  if (!x.is_cuda() || n < 1024) return x.sum(0);
  return ones(n, x.options()).mm(x).view({-1});
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    ctx->save_for_backward({x, weight});
    return at::linear(x, weight, bias);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor dy = gradients[0].reshape({-1, weight.size(0)});
    const at::Tensor flat = x.reshape({-1, weight.size(1)});
    at::Tensor dx;
    if (x.requires_grad()) dx = dy.mm(weight).view(x.sizes());
    return {dx, dy.t().mm(flat), sumRows(dy)};
  }
};

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return Linear::apply(x, weight, bias);
}

}  // namespace

TORCH_LIBRARY(easynlp, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor bias) -> Tensor", linear);
}

}  // namespace easynlp
