// Tensors across the boundary: creation from bytes, contents out, properties, release.
#include <cstring>
#include <unordered_set>

#include "env.h"

namespace easynlp {
namespace {

/** Bytes behind a typed array, DataView or ArrayBuffer. */
struct Bytes {
  const uint8_t* data = nullptr;
  size_t length = 0;
};

Bytes bytesOf(napi_env env, napi_value v) {
  Bytes out;
  bool yes = false;
  check(env, napi_is_typedarray(env, v, &yes));
  if (yes) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    check(env, napi_get_typedarray_info(env, v, &type, &length, &data, nullptr, nullptr));
    static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    out.data = static_cast<const uint8_t*>(data);
    out.length = length * (type <= napi_biguint64_array ? sizes[type] : 1);
    return out;
  }
  check(env, napi_is_arraybuffer(env, v, &yes));
  if (!yes) throw JsError("ARGUMENT_INVALID", std::string("data: expected a typed array, got ") + kindName(env, v));
  void* data;
  check(env, napi_get_arraybuffer_info(env, v, &data, &out.length));
  out.data = static_cast<const uint8_t*>(data);
  return out;
}

napi_value FromBytes(napi_env env, napi_callback_info info) {
  return guarded(env, "fromBytes", [&]() -> napi_value {
    Args<4> args(env, info);  // data, dtype, shape, pinned
    Env& state = envOf(env);
    const Bytes bytes = bytesOf(env, args[0]);
    const at::ScalarType dtype = dtypeFromName(stringArg(env, args[1], "dtype"));
    const std::vector<int64_t> shape = intList(env, args[2], "shape");
    const bool pinned = !nullish(env, args[3]) && boolArg(env, args[3], "pinned");
    uint64_t count = 1;
    for (int64_t s : shape) {
      if (s < 0 || (s > 0 && count > (UINT64_C(1) << 60) / static_cast<uint64_t>(s))) {
        throw JsError("ARGUMENT_INVALID", "shape: sizes must be ≥ 0 and their product within memory");
      }
      count *= static_cast<uint64_t>(s);
    }
    const size_t needed = count * c10::elementSize(dtype);
    if (needed != bytes.length) {
      throw JsError("ARGUMENT_INVALID", "data has " + std::to_string(bytes.length) + " bytes, but the shape and dtype need " +
                                            std::to_string(needed));
    }
    at::Tensor t = at::empty(shape, at::TensorOptions().dtype(dtype).pinned_memory(pinned));
    if (needed) std::memcpy(t.data_ptr(), bytes.data, needed);
    state.drain();
    return num(env, state.add(std::move(t)));
  });
}

at::Tensor hostContiguous(const at::Tensor& t) {
  at::NoGradGuard noGrad;
  return t.detach().to(at::kCPU).contiguous();
}

napi_value ToBytes(napi_env env, napi_callback_info info) {
  return guarded(env, "toBytes", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    const at::Tensor host = hostContiguous(state.get(numberArg(env, args[0], "tensor"), "toBytes"));
    const size_t size = host.numel() * host.element_size();
    void* data;
    napi_value out;
    check(env, napi_create_arraybuffer(env, size, &data, &out));
    if (size) std::memcpy(data, host.data_ptr(), size);
    state.drain();
    return out;
  });
}

napi_value Item(napi_env env, napi_callback_info info) {
  return guarded(env, "item", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    const at::Tensor t = state.get(numberArg(env, args[0], "tensor"), "item");
    if (t.numel() != 1) {
      throw JsError("ARGUMENT_INVALID", "item: only a tensor with one element has a single value, this is " + describe(t));
    }
    const at::Scalar s = t.item();
    state.drain();
    if (s.isBoolean()) return boolean(env, s.toBool());
    if (s.isIntegral(false)) return int64Value(env, s.toLong());
    if (s.isFloatingPoint()) return num(env, s.toDouble());
    throw JsError("ARGUMENT_INVALID", "item: no JavaScript number for " + describe(t));
  });
}

napi_value numbers(napi_env env, at::IntArrayRef values) {
  napi_value out;
  check(env, napi_create_array_with_length(env, values.size(), &out));
  for (size_t i = 0; i < values.size(); ++i) {
    check(env, napi_set_element(env, out, static_cast<uint32_t>(i), num(env, static_cast<double>(values[i]))));
  }
  return out;
}

napi_value Shape(napi_env env, napi_callback_info info) {
  return guarded(env, "shape", [&]() -> napi_value {
    Args<1> args(env, info);
    const at::Tensor t = envOf(env).get(numberArg(env, args[0], "tensor"), "shape");
    return numbers(env, t.sizes());
  });
}

napi_value Strides(napi_env env, napi_callback_info info) {
  return guarded(env, "strides", [&]() -> napi_value {
    Args<1> args(env, info);
    const at::Tensor t = envOf(env).get(numberArg(env, args[0], "tensor"), "strides");
    return numbers(env, t.strides());
  });
}

napi_value Dtype(napi_env env, napi_callback_info info) {
  return guarded(env, "dtype", [&]() -> napi_value {
    Args<1> args(env, info);
    return str(env, dtypeName(envOf(env).get(numberArg(env, args[0], "tensor"), "dtype").scalar_type()));
  });
}

napi_value DeviceOf(napi_env env, napi_callback_info info) {
  return guarded(env, "device", [&]() -> napi_value {
    Args<1> args(env, info);
    return str(env, envOf(env).get(numberArg(env, args[0], "tensor"), "device").device().str());
  });
}

napi_value Numel(napi_env env, napi_callback_info info) {
  return guarded(env, "numel", [&]() -> napi_value {
    Args<1> args(env, info);
    return num(env, static_cast<double>(envOf(env).get(numberArg(env, args[0], "tensor"), "numel").numel()));
  });
}

/** Identity of the storage, so that callers can tell shared weights from equal ones. */
napi_value StorageId(napi_env env, napi_callback_info info) {
  return guarded(env, "storageId", [&]() -> napi_value {
    Args<1> args(env, info);
    const at::Tensor& t = envOf(env).get(numberArg(env, args[0], "tensor"), "storageId");
    const void* p = t.has_storage() ? static_cast<const void*>(t.storage().unsafeGetStorageImpl()) : t.unsafeGetTensorImpl();
    napi_value out;
    check(env, napi_create_bigint_uint64(env, reinterpret_cast<uint64_t>(p), &out));
    return out;
  });
}

napi_value Alive(napi_env env, napi_callback_info info) {
  return guarded(env, "alive", [&]() -> napi_value {
    Args<1> args(env, info);
    return boolean(env, envOf(env).alive(numberArg(env, args[0], "tensor")));
  });
}

/** A second handle on the same tensor (same data, same autograd history). */
napi_value Alias(napi_env env, napi_callback_info info) {
  return guarded(env, "alias", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    at::Tensor t = state.get(numberArg(env, args[0], "tensor"), "alias");
    return num(env, state.add(std::move(t)));
  });
}

napi_value Dispose(napi_env env, napi_callback_info info) {
  return guarded(env, "dispose", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    state.release(numberArg(env, args[0], "tensor"));
    state.drain();
    return nullptr;
  });
}

/** Releases the first `count` handles of a Float64Array: the end of a scope in one call. */
napi_value DisposeMany(napi_env env, napi_callback_info info) {
  return guarded(env, "disposeMany", [&]() -> napi_value {
    Args<2> args(env, info);
    Env& state = envOf(env);
    napi_typedarray_type type;
    size_t length;
    void* data;
    check(env, napi_get_typedarray_info(env, args[0], &type, &length, &data, nullptr, nullptr));
    const size_t count = static_cast<size_t>(intArg(env, args[1], "count"));
    if (type != napi_float64_array || count > length) throw JsError("ARGUMENT_INVALID", "disposeMany: expected a Float64Array");
    const double* handles = static_cast<const double*>(data);
    for (size_t i = 0; i < count; ++i) state.release(handles[i]);
    state.drain();
    return nullptr;
  });
}

void OnCollected(node_api_basic_env, void* data, void* hint) {
  // Inside garbage collection: no JavaScript, and no freeing either, because a native call may be converting
  // arguments right now. The next call empties the list.
  Env* state = static_cast<Env*>(hint);
  if (!state->closed) state->pendingFree.push_back(static_cast<double>(reinterpret_cast<uintptr_t>(data)));
}

/** Ties a tensor's life to its JavaScript object: the backstop for tensors that no scope owns. */
napi_value Attach(napi_env env, napi_callback_info info) {
  return guarded(env, "attach", [&]() -> napi_value {
    Args<2> args(env, info);
    Env& state = envOf(env);
    const double handle = numberArg(env, args[1], "tensor");
    const at::Tensor& t = state.get(handle, "attach");
    Slot& slot = state.slots[static_cast<uint64_t>(handle) & 0xFFFFFF];
    if (slot.external == 0) {
      // Device bytes count as well, or the collector would not see GPU memory at all.
      slot.external = t.has_storage() ? static_cast<int64_t>(t.storage().nbytes()) + 64 : 64;
      int64_t ignored;
      check(env, napi_adjust_external_memory(env, slot.external, &ignored));
    }
    void* previous;
    napi_remove_wrap(env, args[0], &previous);  // a parameter whose data was replaced; fails harmlessly otherwise
    check(env, napi_wrap(env, args[0], reinterpret_cast<void*>(static_cast<uintptr_t>(handle)), OnCollected, &state, nullptr));
    return nullptr;
  });
}

napi_value Memory(napi_env env, napi_callback_info) {
  return guarded(env, "memory", [&]() -> napi_value {
    Env& state = envOf(env);
    state.drain();
    std::unordered_set<const void*> seen;  // views share a storage: count it once
    std::vector<std::pair<std::string, double>> devices;
    for (const Slot& slot : state.slots) {
      if (!slot.tensor.defined() || !slot.tensor.has_storage()) continue;
      const auto* storage = slot.tensor.storage().unsafeGetStorageImpl();
      if (!seen.insert(storage).second) continue;
      const std::string device = slot.tensor.device().str();
      bool found = false;
      for (auto& d : devices) {
        if (d.first == device) {
          d.second += static_cast<double>(slot.tensor.storage().nbytes());
          found = true;
        }
      }
      if (!found) devices.emplace_back(device, static_cast<double>(slot.tensor.storage().nbytes()));
    }
    napi_value out, bytes;
    check(env, napi_create_object(env, &out));
    check(env, napi_create_object(env, &bytes));
    set(env, out, "tensors", num(env, static_cast<double>(state.live)));
    for (const auto& d : devices) set(env, bytes, d.first.c_str(), num(env, d.second));
    set(env, out, "bytes", bytes);
    return out;
  });
}

}  // namespace

void registerTensor(napi_env env, napi_value exports) {
  registerFunction(env, exports, "fromBytes", FromBytes);
  registerFunction(env, exports, "toBytes", ToBytes);
  registerFunction(env, exports, "item", Item);
  registerFunction(env, exports, "shape", Shape);
  registerFunction(env, exports, "strides", Strides);
  registerFunction(env, exports, "dtype", Dtype);
  registerFunction(env, exports, "device", DeviceOf);
  registerFunction(env, exports, "numel", Numel);
  registerFunction(env, exports, "storageId", StorageId);
  registerFunction(env, exports, "alive", Alive);
  registerFunction(env, exports, "alias", Alias);
  registerFunction(env, exports, "dispose", Dispose);
  registerFunction(env, exports, "disposeMany", DisposeMany);
  registerFunction(env, exports, "attach", Attach);
  registerFunction(env, exports, "memory", Memory);
}

}  // namespace easynlp
