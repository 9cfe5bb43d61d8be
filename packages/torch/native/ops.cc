// Calling operators: arguments are converted as the schema says, the call goes boxed through the dispatcher.
#include <cmath>
#include <cstring>

#include "env.h"

namespace easynlp {
namespace {

/** "argument 2 ('other') of aten::add.Tensor" — built only when something is wrong. */
std::string place(const OpEntry& op, size_t index) {
  return "argument " + std::to_string(index + 1) + " ('" + op.args[index].name + "', " + op.args[index].typeText +
         ") of " + op.name;
}

struct Converter {
  napi_env env;
  Env& state;
  const OpEntry& op;
  size_t index;

  [[noreturn]] void fail(napi_value v, const char* expected) {
    throw JsError("ARGUMENT_INVALID", place(op, index) + ": expected " + expected + ", got " + kindName(env, v));
  }

  const at::Tensor& tensor(napi_value v) {
    double handle;
    if (napi_get_value_double(env, v, &handle) != napi_ok) fail(v, "a tensor");
    if (!state.alive(handle)) state.get(handle, place(op, index).c_str());  // throws
    return state.get(handle, "");
  }

  // One JavaScript number type: an integral number is an int64 scalar, anything else a double.
  c10::Scalar scalar(napi_value v) {
    double d;
    if (napi_get_value_double(env, v, &d) == napi_ok) {
      if (std::trunc(d) == d && std::fabs(d) <= 9007199254740991.0 && !(d == 0 && std::signbit(d))) {
        return c10::Scalar(static_cast<int64_t>(d));
      }
      return c10::Scalar(d);
    }
    bool b;
    if (napi_get_value_bool(env, v, &b) == napi_ok) return c10::Scalar(b);
    switch (typeOf(env, v)) {
      case napi_bigint: return c10::Scalar(intArg(env, v, place(op, index).c_str()));
      case napi_object: {  // { float: 2 } forces a double
        napi_value inner;
        bool has = false;
        check(env, napi_has_named_property(env, v, "float", &has));
        if (has) {
          check(env, napi_get_named_property(env, v, "float", &inner));
          return c10::Scalar(numberArg(env, inner, place(op, index).c_str()));
        }
        break;
      }
      default: break;
    }
    fail(v, "a number, bigint or boolean");
  }

  int64_t integer(napi_value v) {
    double d;
    if (napi_get_value_double(env, v, &d) == napi_ok && std::trunc(d) == d && std::fabs(d) <= 9007199254740991.0) {
      return static_cast<int64_t>(d);
    }
    return intArg(env, v, place(op, index).c_str());
  }

  double real(napi_value v) {
    double d;
    if (napi_get_value_double(env, v, &d) != napi_ok) fail(v, "a number");
    return d;
  }

  bool flag(napi_value v) {
    bool b;
    if (napi_get_value_bool(env, v, &b) != napi_ok) fail(v, "a boolean");
    return b;
  }

  std::string text(napi_value v) {
    if (typeOf(env, v) != napi_string) fail(v, "a string");
    return stringArg(env, v, "");
  }

  c10::IValue single(Kind kind, napi_value v) {
    switch (kind) {
      case Kind::Tensor: return c10::IValue(tensor(v));
      case Kind::Scalar: return c10::IValue(scalar(v));
      case Kind::Int: return c10::IValue(integer(v));
      case Kind::Float: return c10::IValue(real(v));
      case Kind::Bool: return c10::IValue(flag(v));
      case Kind::String: return c10::IValue(text(v));
      case Kind::Dtype: return c10::IValue(static_cast<int64_t>(dtypeFromName(text(v))));
      case Kind::Device: return c10::IValue(deviceFromName(text(v)));
      case Kind::Layout: {
        const std::string name = text(v);
        if (name == "strided") return c10::IValue(static_cast<int64_t>(at::kStrided));
        if (name == "sparse_coo") return c10::IValue(static_cast<int64_t>(at::kSparse));
        throw JsError("ARGUMENT_INVALID", place(op, index) + ": unknown layout '" + name + "'; known: strided, sparse_coo");
      }
      case Kind::MemoryFormat: {
        const std::string name = text(v);
        if (name == "contiguous_format") return c10::IValue(static_cast<int64_t>(at::MemoryFormat::Contiguous));
        if (name == "preserve_format") return c10::IValue(static_cast<int64_t>(at::MemoryFormat::Preserve));
        if (name == "channels_last") return c10::IValue(static_cast<int64_t>(at::MemoryFormat::ChannelsLast));
        throw JsError("ARGUMENT_INVALID", place(op, index) + ": unknown memory format '" + name +
                                              "'; known: contiguous_format, preserve_format, channels_last");
      }
      case Kind::Generator: {
        const int64_t id = integer(v);
        if (id < 0 || id >= static_cast<int64_t>(state.generators.size())) fail(v, "a generator");
        return c10::IValue(state.generators[static_cast<size_t>(id)]);
      }
      case Kind::Unsupported: break;
    }
    throw JsError("ARGUMENT_INVALID", place(op, index) + ": arguments of this type cannot be passed from JavaScript");
  }

  template <typename Fn>
  uint32_t each(napi_value v, Fn&& fn) {
    bool array = false;
    check(env, napi_is_array(env, v, &array));
    if (!array) fail(v, "an array");
    uint32_t length;
    check(env, napi_get_array_length(env, v, &length));
    for (uint32_t i = 0; i < length; ++i) {
      napi_value item;
      check(env, napi_get_element(env, v, i, &item));
      fn(item);
    }
    return length;
  }

  /** A list longer than 50 million entries is a mistake, and an int[1] given as a number is PyTorch's shorthand. */
  c10::IValue list(const ArgSpec& spec, napi_value v) {
    switch (spec.kind) {
      case Kind::Tensor: {
        if (spec.elementOptional) {
          c10::List<compat::optional<at::Tensor>> out;
          each(v, [&](napi_value item) {
            if (nullish(env, item)) out.push_back(compat::optional<at::Tensor>());
            else out.push_back(compat::optional<at::Tensor>(tensor(item)));
          });
          return c10::IValue(out);
        }
        c10::List<at::Tensor> out;
        bool typed = false;
        check(env, napi_is_typedarray(env, v, &typed));
        if (typed) {
          const std::vector<double> handles = handleList(env, v, place(op, index).c_str());
          out.reserve(handles.size());
          for (double h : handles) {
            if (!state.alive(h)) state.get(h, place(op, index).c_str());
            out.push_back(state.get(h, ""));
          }
        } else {
          each(v, [&](napi_value item) { out.push_back(tensor(item)); });
        }
        return c10::IValue(out);
      }
      case Kind::Int:
      case Kind::Dtype: {
        c10::List<int64_t> out;
        double d;
        if (spec.kind == Kind::Int && (napi_get_value_double(env, v, &d) == napi_ok || typeOf(env, v) == napi_bigint)) {
          const int64_t value = integer(v);
          if (spec.fixed <= 0) fail(v, "an array of integers");
          for (int32_t i = 0; i < spec.fixed; ++i) out.push_back(value);
        } else {
          each(v, [&](napi_value item) { out.push_back(integer(item)); });
        }
        return c10::IValue(out);
      }
      case Kind::Float: {
        c10::List<double> out;
        each(v, [&](napi_value item) { out.push_back(real(item)); });
        return c10::IValue(out);
      }
      case Kind::Bool: {
        c10::List<bool> out;
        each(v, [&](napi_value item) { out.push_back(flag(item)); });
        return c10::IValue(out);
      }
      case Kind::String: {
        c10::List<std::string> out;
        each(v, [&](napi_value item) { out.push_back(text(item)); });
        return c10::IValue(out);
      }
      case Kind::Scalar: {
        c10::List<at::Scalar> out;
        each(v, [&](napi_value item) { out.push_back(scalar(item)); });
        return c10::IValue(out);
      }
      default: break;
    }
    throw JsError("ARGUMENT_INVALID", place(op, index) + ": lists of this type cannot be passed from JavaScript");
  }
};

napi_value toJs(napi_env env, Env& state, const c10::IValue& value) {
  if (value.isTensor()) {
    const at::Tensor& t = value.toTensor();
    return t.defined() ? num(env, state.add(t)) : null(env);
  }
  if (value.isNone()) return null(env);
  if (value.isInt()) return int64Value(env, value.toInt());
  if (value.isDouble()) return num(env, value.toDouble());
  if (value.isBool()) return boolean(env, value.toBool());
  if (value.isString()) return str(env, value.toStringRef());
  if (value.isDevice()) return str(env, value.toDevice().str());
  if (value.isScalar()) return num(env, value.toScalar().to<double>());
  if (value.isList()) {
    const auto list = value.toList();
    napi_value out;
    check(env, napi_create_array_with_length(env, list.size(), &out));
    for (size_t i = 0; i < list.size(); ++i) {
      check(env, napi_set_element(env, out, static_cast<uint32_t>(i), toJs(env, state, list.get(i))));
    }
    return out;
  }
  throw JsError("ARGUMENT_INVALID", "the operator returned a " + value.tagKind() + ", which has no JavaScript form");
}

std::string callText(const OpEntry& op, const torch::jit::Stack& inputs) {
  std::string out = op.name + "(";
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (i) out += ", ";
    const c10::IValue& v = inputs[i];
    if (v.isInt() && i < op.args.size() && op.args[i].kind == Kind::Dtype) {
      out += dtypeName(static_cast<at::ScalarType>(v.toInt()));
    } else if (v.isDevice()) {
      out += v.toDevice().str();
    } else if (v.isTensor()) out += describe(v.toTensor());
    else if (v.isTensorList()) out += std::to_string(v.toTensorList().size()) + " tensors";
    else if (v.isInt()) out += std::to_string(v.toInt());
    else if (v.isDouble()) out += std::to_string(v.toDouble());
    else if (v.isBool()) out += v.toBool() ? "true" : "false";
    else if (v.isNone()) out += "null";
    else if (v.isIntList()) {
      out += "[";
      const auto list = v.toIntList();
      for (size_t j = 0; j < list.size() && j < 8; ++j) out += (j ? ", " : "") + std::to_string(list.get(j));
      out += list.size() > 8 ? ", …]" : "]";
    } else {
      out += v.tagKind();
    }
  }
  return out + ")";
}

napi_value Call(napi_env env, napi_callback_info info) {
  constexpr size_t kMax = 40;
  napi_value argv[kMax];
  size_t argc = kMax;
  if (napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr) != napi_ok) return nullptr;
  Env& state = envOf(env);
  OpEntry* op = nullptr;
  torch::jit::Stack stack;
  torch::jit::Stack inputs;  // kept only until the call succeeds, for the error text
  try {
    uint32_t id = 0;
    if (argc < 1 || napi_get_value_uint32(env, argv[0], &id) != napi_ok || id >= state.ops.size()) {
      throw JsError("ARGUMENT_INVALID", "call: expected the index of a resolved operator");
    }
    op = &state.ops[id];
    const size_t given = argc - 1;
    const size_t wanted = op->args.size();
    if (given > wanted) {
      throw JsError("ARGUMENT_INVALID", op->name + ": takes at most " + std::to_string(wanted) + " arguments, got " +
                                            std::to_string(given));
    }
    stack.reserve(wanted < 4 ? 4 : wanted);
    Converter convert{env, state, *op, 0};
    for (size_t i = 0; i < wanted; ++i) {
      const ArgSpec& spec = op->args[i];
      convert.index = i;
      if (i >= given || (spec.kind != Kind::Tensor && nullish(env, argv[i + 1]))) {
        if (spec.hasDefault) stack.push_back(spec.defaultValue);
        else if (spec.optional) stack.emplace_back();
        else throw JsError("ARGUMENT_INVALID", place(*op, i) + ": missing");
        continue;
      }
      napi_value v = argv[i + 1];
      if (spec.list) {
        if (spec.kind == Kind::Tensor && nullish(env, v)) {
          if (spec.hasDefault) stack.push_back(spec.defaultValue);
          else if (spec.optional) stack.emplace_back();
          else convert.fail(v, "a list of tensors");
        } else {
          stack.push_back(convert.list(spec, v));
        }
      } else if (spec.kind == Kind::Tensor) {
        double handle;
        if (napi_get_value_double(env, v, &handle) == napi_ok) {
          stack.emplace_back(convert.tensor(v));
        } else if (spec.optional && nullish(env, v)) {
          stack.emplace_back();
        } else {
          convert.fail(v, "a tensor");
        }
      } else {
        stack.push_back(convert.single(spec.kind, v));
      }
    }
    state.drain();
    inputs = stack;
    op->handle.callBoxed(stack);
    inputs.clear();
    const size_t count = stack.size();
    if (count == 0) return nullptr;
    auto one = [&](size_t i) -> napi_value {
      const bool aliased = i < op->returnAlias.size() && op->returnAlias[i] >= 0;
      return aliased ? undefined(env) : toJs(env, state, stack[i]);
    };
    if (count == 1) return one(0);
    napi_value out;
    check(env, napi_create_array_with_length(env, count, &out));
    for (size_t i = 0; i < count; ++i) check(env, napi_set_element(env, out, static_cast<uint32_t>(i), one(i)));
    return out;
  } catch (const PendingException&) {
    return nullptr;
  } catch (const JsError& e) {
    return throwJs(env, e.code, e.what());
  } catch (const c10::OutOfMemoryError& e) {
    return throwJs(env, "OUT_OF_MEMORY", callText(*op, inputs) + ": " + e.what_without_backtrace());
  } catch (const c10::Error& e) {
    return throwJs(env, "OPERATOR_FAILED", callText(*op, inputs) + ": " + e.what_without_backtrace());
  } catch (const std::exception& e) {
    return throwJs(env, "OPERATOR_FAILED", callText(*op, inputs) + ": " + e.what());
  } catch (...) {
    return throwJs(env, "OPERATOR_FAILED", "unknown C++ exception");
  }
}

}  // namespace

void registerOps(napi_env env, napi_value exports) {
  registerFunction(env, exports, "call", Call);
}

}  // namespace easynlp
