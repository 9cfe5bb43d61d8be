{
  # All flags come from scripts/build-settings.mjs, which the plain g++ build uses as well.
  "targets": [
    {
      "target_name": "easynlp_torch",
      "sources": ["<!@(node scripts/build-native.mjs --list-sources)"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O3"],
      "cflags!": ["-fno-exceptions", "-O3"],
      "cflags_cc": ["<!@(node scripts/build-settings.mjs cflags)"],
      "ldflags": ["<!@(node scripts/build-settings.mjs ldflags)"],
      "libraries": ["<!@(node scripts/build-settings.mjs libraries)"]
    }
  ]
}
