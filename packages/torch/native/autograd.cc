// Gradients and the thread-local modes around them.
#include "env.h"

namespace easynlp {
namespace {

std::vector<at::Tensor> tensors(napi_env env, Env& state, napi_value v, const char* what) {
  std::vector<at::Tensor> out;
  for (double h : handleList(env, v, what)) out.push_back(h == 0 ? at::Tensor() : state.get(h, what));
  return out;
}

napi_value handles(napi_env env, Env& state, const std::vector<at::Tensor>& list) {
  napi_value out;
  check(env, napi_create_array_with_length(env, list.size(), &out));
  for (size_t i = 0; i < list.size(); ++i) {
    napi_value item = list[i].defined() ? num(env, state.add(list[i])) : null(env);
    check(env, napi_set_element(env, out, static_cast<uint32_t>(i), item));
  }
  return out;
}

napi_value Backward(napi_env env, napi_callback_info info) {
  return guarded(env, "backward", [&]() -> napi_value {
    Args<5> args(env, info);  // roots, gradients (0 = ones), retainGraph, createGraph, inputs
    Env& state = envOf(env);
    const auto roots = tensors(env, state, args[0], "backward");
    const auto grads = tensors(env, state, args[1], "gradient");
    const bool create = boolArg(env, args[3], "createGraph");
    const bool retain = boolArg(env, args[2], "retainGraph") || create;
    const auto inputs = tensors(env, state, args[4], "inputs");
    state.drain();
    torch::autograd::backward(roots, grads, retain, create, inputs);
    return nullptr;
  });
}

napi_value Grad(napi_env env, napi_callback_info info) {
  return guarded(env, "grad", [&]() -> napi_value {
    Args<6> args(env, info);  // outputs, inputs, gradients, retainGraph, createGraph, allowUnused
    Env& state = envOf(env);
    const auto outputs = tensors(env, state, args[0], "outputs");
    const auto inputs = tensors(env, state, args[1], "inputs");
    const auto grads = tensors(env, state, args[2], "gradient");
    const bool create = boolArg(env, args[4], "createGraph");
    const bool retain = boolArg(env, args[3], "retainGraph") || create;
    const bool unused = boolArg(env, args[5], "allowUnused");
    state.drain();
    return handles(env, state, torch::autograd::grad(outputs, inputs, grads, retain, create, unused));
  });
}

napi_value GetGrad(napi_env env, napi_callback_info info) {
  return guarded(env, "grad", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    const at::Tensor& grad = state.get(numberArg(env, args[0], "tensor"), "grad").grad();
    return grad.defined() ? num(env, state.add(grad)) : null(env);
  });
}

/** Gradients of many tensors at once; null where there is none. */
napi_value GetGrads(napi_env env, napi_callback_info info) {
  return guarded(env, "grads", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    std::vector<at::Tensor> out;
    for (const at::Tensor& t : tensors(env, state, args[0], "grads")) out.push_back(t.grad());
    return handles(env, state, out);
  });
}

napi_value SetGrad(napi_env env, napi_callback_info info) {
  return guarded(env, "grad", [&]() -> napi_value {
    Args<2> args(env, info);
    Env& state = envOf(env);
    at::Tensor t = state.get(numberArg(env, args[0], "tensor"), "grad");
    if (nullish(env, args[1])) {
      t.mutable_grad().reset();
      return nullptr;
    }
    const at::Tensor grad = state.get(numberArg(env, args[1], "gradient"), "grad");
    if (grad.sizes() != t.sizes() || grad.device() != t.device() || grad.scalar_type() != t.scalar_type()) {
      throw JsError("ARGUMENT_INVALID", "grad: " + describe(grad) + " cannot be the gradient of " + describe(t));
    }
    t.mutable_grad() = grad;
    return nullptr;
  });
}

/** Sets the gradients of many tensors to undefined (PyTorch's zero_grad(set_to_none=True)). */
napi_value ClearGrads(napi_env env, napi_callback_info info) {
  return guarded(env, "zeroGrad", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    for (at::Tensor& t : tensors(env, state, args[0], "zeroGrad")) t.mutable_grad().reset();
    return nullptr;
  });
}

napi_value RequiresGrad(napi_env env, napi_callback_info info) {
  return guarded(env, "requiresGrad", [&]() -> napi_value {
    Args<2> args(env, info);
    Env& state = envOf(env);
    at::Tensor t = state.get(numberArg(env, args[0], "tensor"), "requiresGrad");
    if (nullish(env, args[1])) return boolean(env, t.requires_grad());
    t.set_requires_grad(boolArg(env, args[1], "requiresGrad"));
    return nullptr;
  });
}

napi_value IsLeaf(napi_env env, napi_callback_info info) {
  return guarded(env, "isLeaf", [&]() -> napi_value {
    Args<1> args(env, info);
    return boolean(env, envOf(env).get(numberArg(env, args[0], "tensor"), "isLeaf").is_leaf());
  });
}

napi_value RetainGrad(napi_env env, napi_callback_info info) {
  return guarded(env, "retainGrad", [&]() -> napi_value {
    Args<1> args(env, info);
    envOf(env).get(numberArg(env, args[0], "tensor"), "retainGrad").retain_grad();
    return nullptr;
  });
}

napi_value GradMode(napi_env env, napi_callback_info info) {
  return guarded(env, "gradMode", [&]() -> napi_value {
    Args<1> args(env, info);
    const bool before = c10::GradMode::is_enabled();
    if (!nullish(env, args[0])) c10::GradMode::set_enabled(boolArg(env, args[0], "gradMode"));
    return boolean(env, before);
  });
}

napi_value EnterInference(napi_env env, napi_callback_info) {
  return guarded(env, "inferenceMode", [&]() -> napi_value {
    envOf(env).inferenceGuards.push_back(std::make_unique<c10::InferenceMode>(true));
    return nullptr;
  });
}

napi_value ExitInference(napi_env env, napi_callback_info) {
  return guarded(env, "inferenceMode", [&]() -> napi_value {
    Env& state = envOf(env);
    if (!state.inferenceGuards.empty()) state.inferenceGuards.pop_back();
    return nullptr;
  });
}

c10::DeviceType deviceType(napi_env env, napi_value v) { return deviceFromName(stringArg(env, v, "device")).type(); }

napi_value GetAutocast(napi_env env, napi_callback_info info) {
  return guarded(env, "autocast", [&]() -> napi_value {
    Args<1> args(env, info);
    const c10::DeviceType d = deviceType(env, args[0]);
    napi_value out;
    check(env, napi_create_object(env, &out));
    set(env, out, "enabled", boolean(env, compat::autocastEnabled(d)));
    set(env, out, "dtype", str(env, dtypeName(compat::autocastDtype(d))));
    return out;
  });
}

napi_value SetAutocast(napi_env env, napi_callback_info info) {
  return guarded(env, "autocast", [&]() -> napi_value {
    Args<3> args(env, info);
    compat::setAutocast(deviceType(env, args[0]), boolArg(env, args[1], "enabled"),
                        dtypeFromName(stringArg(env, args[2], "dtype")));
    return nullptr;
  });
}

napi_value AutocastClear(napi_env env, napi_callback_info) {
  return guarded(env, "autocast", [&]() -> napi_value {
    at::autocast::clear_cache();
    return nullptr;
  });
}

napi_value AutocastCache(napi_env env, napi_callback_info info) {
  return guarded(env, "autocast", [&]() -> napi_value {
    Args<1> args(env, info);
    at::autocast::set_autocast_cache_enabled(boolArg(env, args[0], "enabled"));
    return nullptr;
  });
}

}  // namespace

void registerAutograd(napi_env env, napi_value exports) {
  registerFunction(env, exports, "backward", Backward);
  registerFunction(env, exports, "autogradGrad", Grad);
  registerFunction(env, exports, "getGrad", GetGrad);
  registerFunction(env, exports, "getGrads", GetGrads);
  registerFunction(env, exports, "setGrad", SetGrad);
  registerFunction(env, exports, "clearGrads", ClearGrads);
  registerFunction(env, exports, "requiresGrad", RequiresGrad);
  registerFunction(env, exports, "isLeaf", IsLeaf);
  registerFunction(env, exports, "retainGrad", RetainGrad);
  registerFunction(env, exports, "gradMode", GradMode);
  registerFunction(env, exports, "enterInference", EnterInference);
  registerFunction(env, exports, "exitInference", ExitInference);
  registerFunction(env, exports, "getAutocast", GetAutocast);
  registerFunction(env, exports, "setAutocast", SetAutocast);
  registerFunction(env, exports, "autocastClear", AutocastClear);
  registerFunction(env, exports, "autocastCache", AutocastCache);
}

}  // namespace easynlp
