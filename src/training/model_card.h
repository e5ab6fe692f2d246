#pragma once

#include <filesystem>

namespace neurosplat {

/// A shipped NAME.safetensors has a card beside it: NAME.json for programs, NAME.md for readers,
/// both written by scripts/ship_model.py. Throws Error, one line, where NAME.json is there and is
/// no card or is another file's: `bytes` and `crc32` (8 hexadecimal digits) are the model file's.
void check_card(const std::filesystem::path& model);

}  // namespace neurosplat
