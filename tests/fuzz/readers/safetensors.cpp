// A safetensors file. What was read is written and reads the same.
#include "neurosplat/io/safetensors.h"

#include "fuzz/readers.h"
#include "fuzz/readers/same_tensors.h"
#include "fuzz/scratch_file.h"

namespace neurosplat::fuzz {

void safetensors(Bytes bytes) {
  const ScratchFile file(bytes);
  const auto content = read_safetensors(file.path());
  const auto again = scratch_folder() / "again.safetensors";
  write_safetensors(again, content);
  const auto second = read_safetensors(again);
  expect(second.metadata == content.metadata, "metadata written again reads otherwise");
  expect(second.tensors.size() == content.tensors.size(), "tensors written again are others");
  for (const auto& [name, tensor] : content.tensors) {
    expect(same(tensor, second.tensors.at(name)), "a tensor written again reads otherwise");
  }
}

}  // namespace neurosplat::fuzz
