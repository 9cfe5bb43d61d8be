// Finding operators by name: a schema is read once and kept as the plan by which calls convert their arguments.
#include <set>
#include <sstream>

#include "env.h"

namespace easynlp {
namespace {

Kind kindOf(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::NumberType: return Kind::Scalar;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::Int;
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType: return Kind::Float;
    case c10::TypeKind::BoolType: return Kind::Bool;
    case c10::TypeKind::StringType: return Kind::String;
    case c10::TypeKind::ScalarTypeType: return Kind::Dtype;
    case c10::TypeKind::LayoutType: return Kind::Layout;
    case c10::TypeKind::MemoryFormatType: return Kind::MemoryFormat;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::GeneratorType: return Kind::Generator;
    default: return type.str() == "SymBool" ? Kind::Bool : Kind::Unsupported;
  }
}

ArgSpec specOf(const c10::Argument& arg) {
  ArgSpec spec;
  spec.name = arg.name();
  spec.kwargOnly = arg.kwarg_only();
  c10::TypePtr type = arg.real_type();
  spec.typeText = type->str();
  if (auto optional = type->cast<c10::OptionalType>()) {
    spec.optional = true;
    type = optional->getElementType();
  }
  if (auto list = type->cast<c10::ListType>()) {
    spec.list = true;
    type = list->getElementType();
    if (auto element = type->cast<c10::OptionalType>()) {
      spec.elementOptional = true;
      type = element->getElementType();
    }
    spec.fixed = arg.N().value_or(0);
  }
  spec.kind = kindOf(*type);
  if (arg.default_value()) {
    spec.hasDefault = true;
    spec.defaultValue = *arg.default_value();
  }
  return spec;
}

napi_value Resolve(napi_env env, napi_callback_info info) {
  return guarded(env, "resolve", [&]() -> napi_value {
    Args<2> args(env, info);
    Env& state = envOf(env);
    const std::string name = stringArg(env, args[0], "operator name");
    const std::string overload = nullish(env, args[1]) ? "" : stringArg(env, args[1], "overload name");
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!handle) return null(env);
    OpEntry entry{*handle, overload.empty() ? name : name + "." + overload, {}, {}};
    const c10::FunctionSchema& schema = handle->schema();
    for (const auto& arg : schema.arguments()) entry.args.push_back(specOf(arg));
    for (const auto& ret : schema.returns()) {
      int alias = -1;
      if (ret.alias_info() && ret.alias_info()->isWrite()) {
        for (size_t i = 0; i < schema.arguments().size(); ++i) {
          const auto* info = schema.arguments()[i].alias_info();
          if (info && info->isWrite() && info->beforeSets() == ret.alias_info()->beforeSets()) alias = static_cast<int>(i);
        }
      }
      entry.returnAlias.push_back(alias);
    }

    napi_value out, list;
    check(env, napi_create_object(env, &out));
    set(env, out, "index", num(env, static_cast<double>(state.ops.size())));
    std::ostringstream text;
    text << schema;
    set(env, out, "schema", str(env, text.str()));
    check(env, napi_create_array(env, &list));
    static const char* kinds[] = {"Tensor", "Scalar", "int",    "float",        "bool",   "str",
                                  "dtype",  "layout", "memory_format", "device", "Generator", "unsupported"};
    for (size_t i = 0; i < entry.args.size(); ++i) {
      const ArgSpec& a = entry.args[i];
      napi_value item;
      check(env, napi_create_object(env, &item));
      set(env, item, "name", str(env, a.name));
      set(env, item, "kind", str(env, kinds[static_cast<int>(a.kind)]));
      set(env, item, "type", str(env, a.typeText));
      set(env, item, "list", boolean(env, a.list));
      set(env, item, "fixed", num(env, a.fixed));
      set(env, item, "optional", boolean(env, a.optional));
      set(env, item, "elementOptional", boolean(env, a.elementOptional));
      set(env, item, "kwargOnly", boolean(env, a.kwargOnly));
      set(env, item, "hasDefault", boolean(env, a.hasDefault));
      check(env, napi_set_element(env, list, static_cast<uint32_t>(i), item));
    }
    set(env, out, "args", list);
    check(env, napi_create_array(env, &list));
    for (size_t i = 0; i < schema.returns().size(); ++i) {
      napi_value item;
      const c10::Type& type = *schema.returns()[i].type();
      auto element = type.cast<c10::ListType>();
      check(env, napi_create_object(env, &item));
      set(env, item, "kind", str(env, kinds[static_cast<int>(kindOf(element ? *element->getElementType() : type))]));
      set(env, item, "type", str(env, type.str()));
      set(env, item, "list", boolean(env, element != nullptr));
      set(env, item, "alias", num(env, entry.returnAlias[i]));
      check(env, napi_set_element(env, list, static_cast<uint32_t>(i), item));
    }
    set(env, out, "returns", list);
    state.ops.push_back(std::move(entry));
    return out;
  });
}

napi_value ListOps(napi_env env, napi_callback_info) {
  return guarded(env, "listOps", [&]() -> napi_value {
    std::set<std::string> names;  // the dispatcher lists some names twice
    for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
      if (c10::Dispatcher::singleton().findSchema(name)) {
        names.insert(name.overload_name.empty() ? name.name : name.name + "." + name.overload_name);
      }
    }
    napi_value out;
    check(env, napi_create_array_with_length(env, names.size(), &out));
    uint32_t i = 0;
    for (const auto& name : names) check(env, napi_set_element(env, out, i++, str(env, name)));
    return out;
  });
}

}  // namespace

void registerResolve(napi_env env, napi_value exports) {
  registerFunction(env, exports, "resolve", Resolve);
  registerFunction(env, exports, "listOps", ListOps);
}

}  // namespace easynlp
